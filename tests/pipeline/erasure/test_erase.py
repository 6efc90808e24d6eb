"""Erased ids are nowhere in a run folder, and do not come back."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import Finished, FinishedRun

from shardline.components.contracts.erasures.tombstones import load_tombstones
from shardline.components.eraser import work
from shardline.components.eraser.report import ErasureReport
from shardline.components.eraser.scope import EraseError, scope_of
from shardline.components.eraser.search import files_with
from shardline.configs import load_run
from shardline.pipeline.erasure.erase import erase
from shardline.pipeline.reuse import damage
from shardline.pipeline.run_folder import RunFolder

pytestmark = pytest.mark.slow

MOVIES = ("movie-0017", "movie-0021")
IDS = {name.encode() for name in MOVIES}


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of ids; nobody has seen the last one."""
    file = tmp_path_factory.mktemp("ids") / "movies"
    file.write_text("\n".join([*MOVIES, "movie-9999", ""]))
    return file


def erased(
    run: FinishedRun, ids: Path, feature: str = "movie_id", **options: Any
) -> ErasureReport:
    """Erases in this process."""
    config = load_run(run.config)
    scope = scope_of(config, feature, ids)
    return erase(config, RunFolder(run.output_dir), scope, ids, **options)


def contents(run: FinishedRun) -> dict[str, str]:
    """Digests of all files, but for what tells times and versions."""
    found = {}
    for path in sorted(run.output_dir.rglob("*")):
        parts = path.relative_to(run.output_dir).parts
        if not path.is_file() or parts[0] in ("erasures", "metadata.sqlite"):
            continue
        if parts[-1] in ("publication.json", ".lock") or parts[-2:] == (
            "serving",
            "erased.json",
        ):
            continue
        if parts[0] == "serving" and parts[1].isdigit():
            parts = ("serving", "newest", *parts[2:])
        name = "/".join(parts)
        assert name not in found
        if "transformed_examples" in name and path.suffix == ".gz":
            found[name] = digest_of_examples(path)
        elif not name.endswith(".files/transformed_examples-3.json"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def digest_of_examples(path: Path) -> str:
    """Of examples in any order, with their columns in any order."""
    records = tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()
    examples = [tf.train.Example.FromString(record) for record in records]
    content = sorted(one.SerializeToString(deterministic=True) for one in examples)
    return hashlib.sha256(b"".join(content)).hexdigest()


def example_without_ids(folder: Path) -> bytes:
    """One of the examples that travel with a model, which holds no id."""
    path = folder / "assets.extra" / "parity" / "examples.tfrecord"
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return next(one for one in records if not any(name in one for name in IDS))


def answers(
    folder: Path, serialized: bytes, movies: list[str]
) -> dict[str, list[float]]:
    """By movie, what a served model answers for it, also in a history."""
    model = tf.saved_model.load(str(folder))
    example = tf.train.Example.FromString(serialized)
    found = {}
    for movie in movies:
        asked = []
        for column in ("movie_id", "history"):
            changed = tf.train.Example()
            changed.CopyFrom(example)
            held = changed.features.feature[column].bytes_list.value
            held[:] = [movie.encode()]
            asked.append(changed.SerializeToString())
        scores = model.signatures["serving_default"](examples=tf.constant(asked))
        found[movie] = scores["scores"].numpy().tolist()
    return found


def test_ids_are_nowhere_and_come_back_in_no_run(
    run_in_place: FinishedRun, shardline: Callable[..., Finished], ids: Path
) -> None:
    run = run_in_place
    config, root = run.config, run.output_dir
    assert files_with(root, IDS)
    known = ["movie-0005", "movie-0009"]
    strangers = [f"stranger {n}" for n in range(8)]  # of both rows
    movies, example = [*MOVIES, *known, *strangers], example_without_ids(run.published)
    before = answers(run.published, example, movies)
    arguments = ["erase", config, "--feature", "movie_id", "--ids", ids]

    told = shardline(*arguments, "--output-dir", root)

    assert told.returncode == 0, "\n".join(told.lines)
    assert "Erased 3 ids of `movie_id` from table movie" in told.text
    assert "1 of 3 ids have no row in any vocabulary" in told.text
    assert not any(movie in told.text for movie in MOVIES)
    assert files_with(root, IDS) == []
    after = answers(run.published, example, movies)
    assert all(after[movie] == before[movie] for movie in (*known, *strangers))
    # Each as one of the rows of unknown tokens answers, and not as before.
    unknown = [before[movie] for movie in strangers]
    assert all(after[movie] in unknown for movie in MOVIES)
    assert all(after[movie] != before[movie] for movie in MOVIES)
    checked = shardline("serve-check", config, "--output-dir", root)
    assert checked.returncode == 0, "\n".join(checked.lines)

    again = shardline("run", config, "--output-dir", root)

    assert again.returncode == 0, "\n".join(again.lines)
    reused = {name for name, state in again.components.items() if state == "reused"}
    assert reused >= {"ReaderExampleGen", "FeatureTransform", "Trainer", "Exporter"}
    assert "unchanged, 0 bytes written" in again.text
    assert files_with(root, IDS) == []

    anew = shardline("run", config, "--output-dir", root, "--no-cache")

    assert anew.returncode == 0, "\n".join(anew.lines)
    assert files_with(root, IDS) == []
    vocabulary = run.artifact("FeatureTransform", "transform_graph")
    tokens = (vocabulary / "transform_fn" / "assets" / "movie").read_text().split("\n")
    assert not set(MOVIES) & set(tokens)
    card = json.loads(
        (run.artifact("ReaderExampleGen", "examples") / "reading.json").read_text()
    )
    assert card["erased"] == 49
    assert sum(card["examples"].values()) == 2400 - 49


def test_report_tells_every_thing_that_was_touched(
    copied_run: FinishedRun, ids: Path
) -> None:
    before = contents(copied_run)

    report = erased(copied_run, ids)

    assert report.finished
    assert report.left == ()
    assert (report.ids, report.known, report.common) == (3, 2, 0)
    assert report.columns == ("history", "movie_id")
    paths = [one.path for one in report.touched]
    changed = {
        name
        for name, digest in contents(copied_run).items()
        if before.get(name) != digest and not name.startswith("serving")
    }
    changed |= before.keys() - contents(copied_run).keys()
    for name in changed - {name for name in changed if "/.files/" in name}:
        assert any(name.startswith(path) for path in paths), name
    for one in report.touched:
        for file in one.files:
            assert f"{one.path}/{file}" in changed | {f"{one.path}/erased.json"}
    saved = report.path_in(copied_run.output_dir)
    assert ErasureReport.model_validate_json(saved.read_text()) == report
    tombstones = load_tombstones(str(copied_run.output_dir / "serving"))
    assert tombstones is not None
    assert len(tombstones.tables["movie"].hashes) == 3


def test_dry_run_tells_the_same_and_changes_nothing(
    copied_run: FinishedRun, ids: Path
) -> None:
    before = contents(copied_run)

    would = erased(copied_run, ids, is_dry_run=True)

    assert contents(copied_run) == before
    assert not (copied_run.output_dir / "erasures").exists()
    assert load_tombstones(str(copied_run.output_dir / "serving")) is None
    did = erased(copied_run, ids)
    told = [
        [
            (one.path, one.outcome)
            for one in report.touched
            if not one.path.startswith(("serving/", "metadata.sqlite"))
        ]
        for report in (would, did)
    ]
    assert told[0] == told[1]


def test_ids_that_nobody_has_change_nothing_but_the_tombstones(
    copied_run: FinishedRun, tmp_path: Path
) -> None:
    before = contents(copied_run)
    nobody = tmp_path / "nobody"
    nobody.write_text("movie-7777\n")

    report = erased(copied_run, nobody)

    assert report.touched == ()
    assert report.left == ()
    assert contents(copied_run) == before


def test_second_call_finds_nothing_to_do(copied_run: FinishedRun, ids: Path) -> None:
    erased(copied_run, ids)
    before = contents(copied_run)

    report = erased(copied_run, ids)

    assert report.touched == ()
    assert report.known == 0
    assert contents(copied_run) == before


@pytest.fixture(scope="module")
def whole(
    named_run: FinishedRun, ids: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What an erasure leaves that nobody kills."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    shutil.copytree(named_run.output_dir, folder)
    run = FinishedRun(named_run.config, folder, named_run.finished, folder)
    erased(run, ids)
    return contents(run)


class Killed(BaseException):
    """The process is gone."""


# After an exchange all places are as before the next one, but after the last.
@pytest.mark.parametrize(
    ("step", "is_before"),
    [(0, True), (1, True), (2, True), (3, True), (4, True), (4, False)],
)
def test_killed_erasure_is_finished_by_the_next(
    copied_run: FinishedRun,
    named_run: FinishedRun,
    ids: Path,
    step: int,
    is_before: bool,
    monkeypatch: pytest.MonkeyPatch,
    whole: dict[str, str],
) -> None:
    done, put = [], work.exchange

    def exchange(folder: Path, copy: Path) -> None:
        done.append(folder)
        if is_before and len(done) > step:
            raise Killed
        put(folder, copy)
        if len(done) > step:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(work, "exchange", exchange)
        with pytest.raises(Killed):
            erased(copied_run, ids)

    report = erased(copied_run, ids)

    assert report.left == ()
    assert files_with(copied_run.output_dir, IDS) == []
    assert contents(copied_run) == whole
    uris = [
        str(path)
        for output in ("Trainer/checkpoint", "Exporter/model", "FeatureTransform/*_*")
        for path in copied_run.output_dir.glob(f"artifacts/{output}/[0-9]*")
    ]
    assert len(uris) == 4
    assert damage(uris) == ""


def test_erasure_that_leaves_something_says_where(
    copied_run: FinishedRun, ids: Path
) -> None:
    (copied_run.output_dir / "notes.txt").write_text("ask about movie-0017\n")

    report = erased(copied_run, ids)

    assert report.left == ("notes.txt",)


def test_folder_without_a_run_is_an_error(
    named_run: FinishedRun, ids: Path, tmp_path: Path
) -> None:
    nowhere = FinishedRun(
        named_run.config, tmp_path / "none", named_run.finished, tmp_path
    )

    with pytest.raises(EraseError, match="none holds no run"):
        erased(nowhere, ids)


def test_file_of_ids_in_the_run_folder_is_an_error(copied_run: FinishedRun) -> None:
    inside = copied_run.output_dir / "ids"
    inside.write_text("movie-0017\n")

    with pytest.raises(EraseError, match="ids lies in the run folder"):
        erased(copied_run, inside)
