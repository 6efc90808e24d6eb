"""Spans that runs share: each is read once, whole, and linked where it is needed."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.contracts.data_card import (
    is_of_files,
    load_data_card,
    recorded_count,
)
from shardline.components.contracts.spans.files import load_span_files
from shardline.components.readers.files import (
    BadInputError,
    LostRowsError,
    beam_reader,
    units,
)
from shardline.components.span_examples import reading
from shardline.components.span_examples.executor import SpanTwiceError

shared = load(Path(__file__).with_name("stored_spans.py"))
written = load("components/readers/files/conftest.py")
LosingPipeline = load("components/losing.py").LosingPipeline
FIRST_DAY, SECOND_DAY, THIRD_DAY = shared.DAYS


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    """Runs on three days of forty examples each."""
    shared.write_days(tmp_path / "data")
    return shared.Runs(tmp_path)


def test_splits_hold_the_planned_spans(runs: Any) -> None:
    examples = runs.run(FIRST_DAY, SECOND_DAY, evaluate=THIRD_DAY)

    every = range(40)
    assert json.loads(examples.split_names) == ["train", "eval"]
    assert shared.times(examples, "train") == [
        *shared.seconds(0, every),
        *shared.seconds(1, every),
    ]
    assert shared.times(examples, "eval") == shared.seconds(2, every)


def test_spans_are_told_in_files_properties_and_data_card(runs: Any) -> None:
    examples = runs.run(FIRST_DAY, SECOND_DAY, evaluate=THIRD_DAY)

    assert examples.get_string_custom_property("spans") == f"{FIRST_DAY}, {SECOND_DAY}"
    assert examples.get_string_custom_property("evaluated_on") == THIRD_DAY
    assert recorded_count([examples], "train") == 80
    assert recorded_count([examples], "eval") == 40
    assert is_of_files(examples)
    card = load_data_card(examples.uri)
    assert card is not None
    assert (card.examples, card.rows, card.left_out) == (
        {"train": 80, "eval": 40},
        120,
        0,
    )
    files = load_span_files(examples.uri)
    assert files is not None
    assert [(str(p.planned), p.split, p.examples) for p in files.parts] == [
        (FIRST_DAY, "train", 40),
        (SECOND_DAY, "train", 40),
        (THIRD_DAY, "eval", 40),
    ]
    for part in files.parts:
        folder = Path(examples.uri) / f"Split-{part.split}"
        assert all((folder / name).is_file() for name in part.files)
        assert all(name.startswith(f"{part.planned.span}.v1.") for name in part.files)


def test_profile_tells_what_a_span_is_like(runs: Any) -> None:
    files = load_span_files(runs.run(FIRST_DAY).uri)

    assert files is not None
    profile = files.parts[0].profile
    assert (profile.examples, profile.label_mean) == (40, 0.25)
    assert (profile.earliest, profile.latest) == (
        shared.FIRST,
        shared.FIRST + 39 * 60,
    )
    assert sorted(profile.columns) == ["at", "label", "tags", "user"]
    assert profile.columns["user"].distinct == 11
    assert profile.columns["at"].distinct == 40
    assert profile.columns["label"].distinct is None
    assert profile.columns["tags"].distinct == 7
    assert profile.columns["tags"].filled == sum(n % 3 > 0 for n in range(40)) / 40
    assert profile.columns["tags"].values == sum(n % 3 for n in range(40)) / 40


def test_a_span_is_read_once(runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    of_module = reading.read_spans

    def read_spans(folders: Any, *rest: Any) -> None:
        read.extend(span.span for span in folders)
        of_module(folders, *rest)

    monkeypatch.setattr(
        "shardline.components.span_examples.executor.read_spans", read_spans
    )
    runs.run(FIRST_DAY, evaluate=SECOND_DAY)
    shutil.rmtree(runs.data / FIRST_DAY)  # so that a second reading would fail
    runs.planned = lambda *names: tuple(known[name] for name in names)
    known = {
        str(part.planned): part.planned
        for number in (1,)
        for part in load_span_files(
            str(runs.folder / "SpanExamples" / "examples" / str(number))
        ).parts
    }
    examples = runs.run(FIRST_DAY, SECOND_DAY)

    assert read == [FIRST_DAY, SECOND_DAY]
    assert len(shared.times(examples, "train")) == 80


def test_files_are_links_to_the_store(runs: Any) -> None:
    examples = runs.run(FIRST_DAY)

    (folder,) = runs.kept.values()
    for part in ("head", "tail"):
        name = f"{part}-00000-of-00001.gz"
        linked = Path(examples.uri) / "Split-train" / f"{FIRST_DAY}.v1.{name}"
        assert os.path.samefile(linked, folder / name)


def test_held_out_parts_a_span_by_time(runs: Any) -> None:
    examples = runs.run(FIRST_DAY, f"{SECOND_DAY}/head", evaluate=f"{SECOND_DAY}/tail")

    assert shared.times(examples, "eval") == shared.seconds(1, range(30, 40))
    assert shared.times(examples, "train") == [
        *shared.seconds(0, range(40)),
        *shared.seconds(1, range(30)),
    ]
    card = load_data_card(examples.uri)
    assert card is not None
    assert (card.examples, card.rows) == ({"train": 70, "eval": 10}, 80)
    later = runs.run(
        f"{SECOND_DAY}/tail", f"{THIRD_DAY}/head", evaluate=f"{THIRD_DAY}/tail"
    )
    assert len(shared.times(later, "train")) == 10 + 30


def test_examples_of_one_time_stay_together(runs: Any) -> None:
    path = runs.data / FIRST_DAY / "part.csv"
    header, *rows = path.read_text().splitlines()
    same = [
        row.rpartition(",")[0] + f",{shared.FIRST + 60 * 25}" for row in rows[25:35]
    ]
    path.write_text("\n".join([header, *rows[:25], *same, *rows[35:], ""]))

    examples = runs.run(f"{FIRST_DAY}/head", evaluate=f"{FIRST_DAY}/tail")

    assert shared.times(examples, "train") == shared.seconds(0, range(25))


def test_a_span_of_one_time_cannot_be_parted(runs: Any) -> None:
    path = runs.data / FIRST_DAY / "part.csv"
    path.write_text(f"label,user,tags,at\n1,u,,{shared.FIRST}\n0,v,,{shared.FIRST}\n")

    with pytest.raises(ValueError, match=r"2024-10-04 has no head: all its examples"):
        runs.run(f"{FIRST_DAY}/head", evaluate=f"{FIRST_DAY}/tail")


def test_without_times_a_span_cannot_be_parted(runs: Any) -> None:
    runs.column = None

    assert len(runs.run(FIRST_DAY).splits) == 1
    with pytest.raises(ValueError, match=r"has no head: .*`data\.spans\.column`"):
        runs.run(f"{FIRST_DAY}/head")


def test_the_store_does_not_depend_on_order_or_files(runs: Any, tmp_path: Path) -> None:
    """Read again from shuffled rows in two files, a span is the same to the byte."""
    runs.run(FIRST_DAY)
    other = shared.Runs(tmp_path / "other")
    shared.write_days(other.data)
    path = other.data / FIRST_DAY / "part.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows[:5:-1], ""]))
    (path.parent / "more.csv").write_text("\n".join([header, *rows[:6], ""]))
    other.run(FIRST_DAY)

    (one,), (two,) = runs.kept.values(), other.kept.values()
    assert sorted(p.name for p in one.iterdir()) == sorted(
        p.name for p in two.iterdir()
    )
    for file in one.glob("*.gz"):
        assert file.read_bytes() == (two / file.name).read_bytes()
    contents = [
        load_span_files(str(r.folder / "SpanExamples/examples/1")).parts[0].profile
        for r in (runs, other)
    ]
    assert contents[0] == contents[1]


def test_a_large_span_is_in_several_files(
    runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_EXAMPLES_OF_A_FILE", 15)
    examples = runs.run(f"{FIRST_DAY}/head", evaluate=f"{FIRST_DAY}/tail")

    files = load_span_files(examples.uri)
    assert files is not None
    assert list(files.parts[0].files) == [
        f"{FIRST_DAY}.v1.head-{n:05}-of-00003.gz" for n in range(3)
    ]
    assert shared.times(examples, "train") == shared.seconds(0, range(30))
    assert shared.times(examples, "eval") == shared.seconds(0, range(30, 40))


def test_a_new_version_is_read_and_the_old_one_stays(runs: Any) -> None:
    runs.run(FIRST_DAY)
    shared.write_days(runs.data, rows=41, days=[0])
    examples = runs.run(FIRST_DAY)

    assert len(shared.times(examples, "train")) == 41
    assert len(runs.kept) == 2


def test_what_a_killed_run_has_left_is_not_used(runs: Any) -> None:
    runs.run(FIRST_DAY)
    (folder,) = runs.kept.values()
    left = folder.with_name(f"{folder.name}.{'0123' * 8}")
    folder.rename(left)
    (left / "whole.json").unlink()

    examples = runs.run(FIRST_DAY)

    assert len(shared.times(examples, "train")) == 40
    assert list(runs.kept) == [folder.name]


def test_damaged_files_of_the_store_are_read_again(
    runs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    runs.run(FIRST_DAY)
    (folder,) = runs.kept.values()
    file = next(folder.glob("*.gz"))
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    examples = runs.run(FIRST_DAY)

    assert "read again, for what was read is damaged" in caplog.text
    assert len(shared.times(examples, "train")) == 40
    assert next(folder.glob("*.gz")).read_bytes() == content


@pytest.mark.parametrize("format_", ["csv", "tfrecord", "parquet"])
def test_days_are_cut_of_files_in_parts_and_no_row_is_lost(
    format_: str, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files that several workers read, each day gets its own rows."""
    monkeypatch.setattr(units, "_PART_BYTES", 64)
    monkeypatch.setattr(beam_reader, "usable_cores", lambda: 3)
    shutil.rmtree(runs.data)
    runs.data.mkdir()
    rows = [
        {"label": float(n % 2), "user": f"u{n}", "tags": ["x"], "at": second}
        for n, second in enumerate(
            second
            for n in range(40)
            for second in shared.seconds(n % 3, range(n, n + 1))
        )
    ]
    rows[7]["label"] = 7.0
    write = getattr(written, format_)
    content = write(rows, runs.data) if format_ == "tfrecord" else write(rows)
    (runs.data / f"all.{format_}").write_bytes(content)
    runs.files = {
        "format": format_,
        "splits": {"train": f"all.{format_}"},
        "on_bad_example": "skip",
        "max_bad_share": 0.5,
    }
    runs.every = "day"

    examples = runs.run(FIRST_DAY, SECOND_DAY)

    assert shared.times(examples, "train") == sorted(
        row["at"] for n, row in enumerate(rows) if n % 3 != 2 and n != 7
    )
    card = load_data_card(examples.uri)
    assert card is not None
    assert (card.rows, card.left_out, card.examples) == (27, 1, {"train": 26})


def test_a_failed_reading_leaves_nothing(runs: Any) -> None:
    path = runs.data / SECOND_DAY / "part.csv"
    path.write_text(path.read_text() + "2,u,,1\n")

    with pytest.raises(BadInputError, match=r"part\.csv, line 42: column `at` holds a"):
        runs.run(FIRST_DAY, SECOND_DAY)

    assert not runs.kept


def test_bad_examples_are_left_out_and_told_once(runs: Any) -> None:
    path = runs.data / FIRST_DAY / "part.csv"
    path.write_text(path.read_text() + "7,u,,1728000001\n")
    runs.files |= {"on_bad_example": "skip", "max_bad_share": 0.1}

    examples = runs.run(f"{FIRST_DAY}/head", evaluate=f"{FIRST_DAY}/tail")

    card = load_data_card(examples.uri)
    assert card is not None
    assert (card.rows, card.left_out, sum(card.examples.values())) == (41, 1, 40)
    assert card.reasons == {"label `label` is neither 0 nor 1": 1}
    assert "2024-10-04" in card.lines[1]


def test_a_span_without_examples_is_refused(runs: Any) -> None:
    (runs.data / FIRST_DAY / "part.csv").write_text("label,user,tags,at\n")

    with pytest.raises(BadInputError, match=r"Split '2024-10-04' has no row in 1 file"):
        runs.run(FIRST_DAY)


def test_a_span_twice_is_refused(runs: Any) -> None:
    runs.column = None
    content = (runs.data / FIRST_DAY / "part.csv").read_text()
    (runs.data / SECOND_DAY / "part.csv").write_text(content)

    told = "Span 2024-10-05 has the very 40 examples of span 2024-10-04"
    with pytest.raises(SpanTwiceError, match=told):
        runs.run(FIRST_DAY, SECOND_DAY)
    files = load_span_files(runs.run(FIRST_DAY).uri)
    assert files is not None
    history = {f"{FIRST_DAY}.v2/tail": files.parts[0].profile}
    with pytest.raises(SpanTwiceError, match=told):
        runs.run(SECOND_DAY, history=history)
    assert runs.run(FIRST_DAY, history=history)


def test_nothing_due_is_an_error(runs: Any) -> None:
    with pytest.raises(ValueError, match="Nothing is due to be read: span 9 is not"):
        runs.run(waits_for="span 9 is not there")


def test_a_span_that_is_gone_is_refused(runs: Any) -> None:
    planned = runs.planned(FIRST_DAY)
    shutil.rmtree(runs.data / FIRST_DAY)
    runs.planned = lambda *_: planned

    with pytest.raises(
        BadInputError, match="span 2024-10-04, version 1, is gone since"
    ):
        runs.run(FIRST_DAY)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("TellProfile", "No worker told how many examples span 2024-10-04 has"),
        ("Canonical", "40 examples were read of its files, 0 came out"),
        ("WriteFile", "40 examples were found and 0 written"),
        ("Units", "1 of 1 files were not read"),
        ("All", "no worker told what it did"),
    ],
)
def test_lost_examples_fail_the_component(step: str, message: str, runs: Any) -> None:
    runs.pipeline = lambda: LosingPipeline(step, lambda _: False)

    with pytest.raises(LostRowsError, match=message):
        runs.run(FIRST_DAY)
    assert not runs.kept


def test_a_store_of_its_own(runs: Any, tmp_path: Path) -> None:
    runs.store = str(tmp_path / "kept")

    runs.run(FIRST_DAY)

    assert [path.name[:14] for path in (tmp_path / "kept").iterdir()] == [
        "2024-10-04-v1-"
    ]
    assert not runs.kept
