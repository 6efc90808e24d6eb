"""Spans of files through their reader, in each format."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.files import BadInputError
from shardline.components.readers.files.beam_reader import FileReader
from shardline.components.readers.span_reader import FoundSpan, SpanReader
from shardline.configs.span_names import span_at

DAY = 86_400
FIRST = 20_000 * DAY  # 2024-10-04
FORMATS = ["csv", "tfrecord", "parquet"]
Write = Callable[..., str]


def rows(*seconds: int) -> list[dict[str, Any]]:
    return [{"n": second % 1000, "at": second} for second in seconds]


def reader(format_: str, pattern: str, column: str | None = "at", **more: Any) -> Any:
    files = {"format": format_, "splits": {"train": pattern}} | more.pop("files", {})
    every = more.pop("every", None)
    columns = more.pop("columns", {"n": {"dtype": "int64"}})
    made = FileReader(
        files=files, columns=columns, spans={"column": column, "every": every}, **more
    )
    assert isinstance(made, SpanReader)
    return made


def read(made: Any, path: str, spans: Sequence[FoundSpan]) -> dict[str, list[int]]:
    """Returns the times of the examples of each span."""
    found: dict[str, list[int]] = {}

    with in_memory_pipeline() as root:
        for span, examples in made.span_examples(root, path, spans).items():
            at = examples | f"At[{span.span}]" >> _Times()
            _ = at | f"Keep[{span.span}]" >> _Keep(f"{path}/../{span.span}.json")
    for span in spans:
        kept = Path(f"{path}/../{span.span}.json")
        found[span.span] = json.loads(kept.read_text()) if kept.exists() else []
    return found


def _Times() -> Any:
    import apache_beam as beam

    return beam.Map(
        lambda e: (
            tf.train.Example.FromString(e).features.feature["at"].int64_list.value[0]
        )
    )


def _Keep(path: str) -> Any:
    import apache_beam as beam

    def keep(values: list[int]) -> None:
        Path(path).write_text(json.dumps(sorted(values)))

    return beam.transforms.combiners.ToList() | beam.Map(keep)


@pytest.fixture
def data(tmp_path: Path) -> str:
    (tmp_path / "data").mkdir()
    return str(tmp_path / "data")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_column_of_times_cuts_files_into_days(
    format_: str, data: str, write: Write
) -> None:
    write(f"data/1.{format_}", rows(FIRST, FIRST + 5, FIRST + DAY - 1))
    write(f"data/2.{format_}", rows(FIRST + DAY, FIRST + 7, FIRST + 2 * DAY))
    made = reader(format_, "*", every="day")

    spans = made.spans(data)

    assert [s[:2] for s in spans] == [
        ("2024-10-04", 1),
        ("2024-10-05", 1),
        ("2024-10-06", 1),
    ]
    assert read(made, data, spans[:2]) == {
        "2024-10-04": [FIRST, FIRST + 5, FIRST + 7, FIRST + DAY - 1],
        "2024-10-05": [FIRST + DAY],
    }
    (of_last,) = made.spans_to_read(data, spans[2:])
    assert [os.path.basename(f) for f in of_last.files] == [f"2.{format_}"]


@pytest.mark.parametrize("format_", FORMATS)
def test_folders_are_spans_whose_examples_lie_in_them(
    format_: str, data: str, write: Write
) -> None:
    write(f"data/20241004/a.{format_}", rows(FIRST, FIRST + 5))
    write(f"data/2024-10-05/a.{format_}", rows(FIRST + DAY))
    made = reader(format_, "{SPAN}/*")

    spans = made.spans(data)

    assert [span.span for span in spans] == ["2024-10-04", "2024-10-05"]
    assert read(made, data, spans) == {
        "2024-10-04": [FIRST, FIRST + 5],
        "2024-10-05": [FIRST + DAY],
    }


@pytest.mark.parametrize("format_", FORMATS)
def test_an_example_of_another_day_is_an_error_or_left_out(
    format_: str, data: str, write: Write
) -> None:
    write(f"data/2024-10-04.{format_}", rows(FIRST, FIRST + DAY, FIRST + 1))
    spans = reader(format_, "{SPAN}.*").spans(data)

    told = (
        r"2024-10-04.*(row|line|record) [23]: .* outside of span 2024-10-04.*05T00:00"
    )
    with pytest.raises(Exception, match=told):
        read(reader(format_, "{SPAN}.*"), data, spans)
    skips = reader(format_, "{SPAN}.*", files={"on_bad_example": "skip"})
    assert read(skips, data, spans) == {"2024-10-04": [FIRST, FIRST + 1]}


def test_versions_are_spans_of_their_own(data: str, write: Write) -> None:
    write("data/7.v1.csv", rows(1))
    write("data/7.v2.csv", rows(2))
    made = reader("csv", "{SPAN}.v{VERSION}.csv")

    first, second = made.spans(data)

    assert (first[:2], second[:2]) == (("7", 1), ("7", 2))
    assert read(made, data, [second]) == {"7": [2]}


def test_text_and_dates_tell_spans(data: str, write: Write) -> None:
    write("data/a.csv", b"n,at\n1,2024-10-04T23:59:59\n2,2024-10-05 00:00\n")
    made = reader("csv", "*", every="day")

    spans = made.spans(data)

    assert read(made, data, spans) == {
        "2024-10-04": [FIRST + DAY - 1],
        "2024-10-05": [FIRST + DAY],
    }


def test_a_column_that_features_read_stays_what_it_is(data: str, write: Write) -> None:
    write("data/a.csv", b"at\n2024-10-04\n")
    made = reader("csv", "*", every="week", columns={"at": {"dtype": "string"}})
    assert made.columns["at"].dtype == "string"

    (span,) = made.spans(data)

    assert span.span == span_at(FIRST, "week").name
    with in_memory_pipeline() as root:
        (examples,) = made.span_examples(root, data, [span]).values()
        _ = examples | _Equal(b"2024-10-04")


def _Equal(value: bytes) -> Any:
    import apache_beam as beam

    def check(example: bytes) -> None:
        features = tf.train.Example.FromString(example).features.feature
        assert features["at"].bytes_list.value == [value]

    return beam.Map(check)


def test_digests_change_with_the_data_of_their_span_alone(
    data: str, write: Write
) -> None:
    write("data/1.csv", rows(FIRST))
    named, cut = reader("csv", "{SPAN}.csv", None), reader("csv", "*", every="day")
    named_before, cut_before = named.spans(data), cut.spans(data)

    write("data/2.csv", rows(FIRST + DAY))
    assert named.spans(data)[:1] == named_before
    assert cut.spans(data)[:1] == cut_before
    write("data/1.csv", rows(FIRST, FIRST))
    assert named.spans(data)[0] != named_before[0]
    assert cut.spans(data)[0] != cut_before[0]


def test_a_span_that_has_changed_since_is_refused(data: str, write: Write) -> None:
    write("data/1.csv", rows(FIRST))
    for made in (reader("csv", "{SPAN}.csv"), reader("csv", "*", every="day")):
        (span,) = made.spans(data)
        with pytest.raises(BadInputError, match="version 1, has changed since it was"):
            made.spans_to_read(data, [span._replace(digest="other")])
        with pytest.raises(BadInputError, match="span 9, version 1, is gone since"):
            made.spans_to_read(data, [span._replace(span="9")])


@pytest.mark.parametrize(
    ("file", "pattern", "told"),
    [
        ("latest/a.csv", "{SPAN}/*", r"latest/a\.csv: `latest` is no span.*1 file"),
        ("2024-10-04/20241005.csv", "{SPAN}/{SPAN}.csv", "names two spans"),
    ],
)
def test_a_folder_that_is_no_span_is_refused(
    file: str, pattern: str, told: str, data: str, write: Write
) -> None:
    write(f"data/{file}", rows(FIRST))
    with pytest.raises(BadInputError, match=told):
        reader("csv", pattern).spans(data)


def test_a_folder_of_another_length_is_refused(data: str, write: Write) -> None:
    write("data/2024-10/a.csv", rows(FIRST))
    with pytest.raises(BadInputError, match=r"2024-10 is a month, .*every` is day"):
        reader("csv", "{SPAN}/*", every="day").spans(data)


@pytest.mark.parametrize("format_", FORMATS)
def test_times_of_another_unit_are_refused(
    format_: str, data: str, write: Write
) -> None:
    write(f"data/a.{format_}", rows(FIRST, FIRST * 1000))
    told = r"a\.\w+, (row|line|record) [23]: .*milliseconds.*1728000000000"
    with pytest.raises(BadInputError, match=told):
        reader(format_, "*", every="day").spans(data)
    skips = reader(format_, "*", every="day", files={"on_bad_example": "skip"})
    assert [span.span for span in skips.spans(data)] == ["2024-10-04"]


def test_files_without_a_time_are_refused(data: str, write: Write) -> None:
    write("data/a.csv", b"n,at\n1,\n2,\n")
    with pytest.raises(BadInputError, match="column `at` has no"):
        reader("csv", "*", every="day").spans(data)
    skips = reader("csv", "*", every="day", files={"on_bad_example": "skip"})
    with pytest.raises(BadInputError, match=r"no example of 1 files has a time"):
        skips.spans(data)


def test_what_tells_no_span_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Nothing tells .*`\*\.csv`.*\{SPAN\}"):
        reader("csv", "*.csv")
    with pytest.raises(ValueError, match=r"`at` .* is read as float .*dtype: int64"):
        reader("csv", "{SPAN}.csv", columns={"at": {"dtype": "float"}})
    whole = FileReader(files={"format": "csv", "splits": {"train": "*"}}, columns={})
    with pytest.raises(ValueError, match="there as a whole"):
        whole.spans("data")
