"""What does not belong together is named."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.contracts.checkpoint_manifest import CheckpointManifest
from shardline.components.contracts.living_vocabulary import load_vocabularies
from shardline.components.contracts.spans.plan import Base, SpanPlan
from shardline.components.trainer.base import (
    BaseError,
    base_digest,
    base_of,
    checked_vocabularies,
    opened_base,
)
from shardline.configs.schema import (
    Feature,
    FeatureSet,
    Model,
    Table,
    Training,
)

runs = load("components/trainer/span_runs.py")
FEATURES = FeatureSet(
    features={"user": Feature(table="user"), "movie": Feature(table="movie")},
    tables={"user": Table(dim=4), "movie": Table(dim=4)},
)
TOKENS = {"user": ["a", "b", None], "movie": ["m"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint's folder, without values, and vocabularies."""
    folder = tmp_path_factory.mktemp("base")
    run = runs.SpanRun(folder / "run", FEATURES, TOKENS)
    known = load_vocabularies(str(run.folder / "vocabularies"))
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "checkpoint.index").write_bytes(b"index")
    CheckpointManifest(
        steps=3,
        hosts=1,
        rows={"user": 4, "movie": 2},
        feature_set=FEATURES,
        model=Model(),
        metrics={},
        vocabularies={name: table.digest for name, table in known.tables.items()},
    ).save(str(folder / "checkpoint"))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy, to be changed."""
    shutil.copytree(made, tmp_path / "base")
    return tmp_path / "base"


def base(folder: Path) -> Base:
    return Base(
        checkpoint=str(folder / "checkpoint"),
        vocabularies=str(folder / "run" / "vocabularies"),
        transform_graph=str(folder / "run" / "graph"),
        steps=3,
        spans=(),
    )


def tokens(folder: Path) -> Any:
    return opened_base(base(folder), str(folder / "checkpoint")).tokens()


def change_vocabularies(folder: Path, **changed: Any) -> None:
    vocabularies = folder / "run" / "vocabularies"
    load_vocabularies(str(vocabularies)).model_copy(update=changed).save(
        str(vocabularies)
    )


def rewritten(folder: Path, table: str, content: bytes, **changed: Any) -> None:
    """Gives a table another vocabulary, which the artifact agrees with."""
    vocabularies = folder / "run" / "vocabularies"
    (vocabularies / table).write_bytes(content)
    known = load_vocabularies(str(vocabularies)).tables
    digest = runs.hashlib.sha256(content).hexdigest()
    told = known[table].model_copy(update={"digest": digest})
    change_vocabularies(folder, tables={**known, table: told}, **changed)


def test_a_plan_has_a_base_unless_training_shall_begin_anew(folder: Path) -> None:
    plan = SpanPlan(base=base(folder))
    training = Training(batch_size=2, steps=1)
    assert base_of(plan, training) == plan.base
    assert base_of(plan, training.model_copy(update={"warm_start": False})) is None
    assert base_of(SpanPlan(), training) is None
    assert base_of(None, training) is None


def test_vocabularies_of_the_checkpoint_are_read(folder: Path) -> None:
    assert {name: len(one) for name, one in tokens(folder).items()} == {
        "movie": 1,
        "user": 3,
    }


@pytest.mark.parametrize("name", ["manifest.json", "checkpoint.index"])
def test_digest_follows_what_the_checkpoint_holds(folder: Path, name: str) -> None:
    before = base_digest(base(folder))
    assert base_digest(base(folder)) == before
    path = folder / "checkpoint" / name
    path.write_bytes(path.read_bytes() + b" ")
    assert base_digest(base(folder)) != before
    path.unlink()
    with pytest.raises(BaseError, match=rf"{name} is not there.*warm_start: false"):
        base_digest(base(folder))


def test_a_checkpoint_that_is_gone_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "checkpoint")
    with pytest.raises(BaseError, match=r"goes on from the checkpoint .*/checkpoint, "):
        base_digest(base(folder))


def test_vocabularies_that_are_gone_are_named(folder: Path) -> None:
    shutil.rmtree(folder / "run" / "vocabularies")
    with pytest.raises(BaseError, match=r"from the vocabularies .* are not there"):
        tokens(folder)


def test_a_vocabulary_that_is_gone_is_named(folder: Path) -> None:
    (folder / "run" / "vocabularies" / "user").unlink()
    with pytest.raises(BaseError, match="user is gone, the vocabulary of table `user`"):
        tokens(folder)


def test_a_damaged_vocabulary_is_named(folder: Path) -> None:
    (folder / "run" / "vocabularies" / "user").write_bytes(b"a\nc\n\n")
    with pytest.raises(BaseError, match="user is damaged: its SHA-256 is "):
        tokens(folder)


def test_vocabularies_of_another_checkpoint_are_named(folder: Path) -> None:
    rewritten(folder, "user", b"b\na\nc\n")
    with pytest.raises(BaseError, match=r"`user` in .* is not that of the checkpoint"):
        tokens(folder)


def test_a_vocabulary_with_as_many_rows_as_another_table_is_named(folder: Path) -> None:
    path = folder / "checkpoint" / "manifest.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "vocabularies": {}}))
    rewritten(folder, "movie", b"a\nb\n")
    with pytest.raises(
        BaseError, match=r"`movie` .* has 2 rows, and .* 2: it is of an"
    ):
        tokens(folder)


def test_erased_tokens_leave_vocabularies_those_of_the_checkpoint(folder: Path) -> None:
    line = runs.free_line(0).encode()
    rewritten(
        folder, "user", line + b"\nb\n" + runs.free_line(2).encode() + b"\n", erased=1
    )
    assert tokens(folder)["user"].is_free.tolist() == [True, False, True]


@pytest.mark.parametrize("table", ["user", "movie"])
def test_a_checkpoint_of_another_feature_set_is_named(folder: Path, table: str) -> None:
    opened = opened_base(base(folder), str(folder / "checkpoint"))
    opened.check_tables(
        FeatureSet(features={"x": Feature(table=table)}, tables={table: Table(dim=1)})
    )
    other = FeatureSet(
        features={"x": Feature(table="tag")}, tables={"tag": Table(dim=1)}
    )
    with pytest.raises(BaseError, match="has the tables movie, user, and this run tag"):
        opened.check_tables(other)


def graph_files(folder: Path) -> dict[str, str]:
    return {
        name: str(folder / "run" / "graph" / "transform_fn" / "assets" / name)
        for name in TOKENS
    }


def test_vocabularies_of_the_transform_graph_are_read(folder: Path) -> None:
    vocabularies = str(folder / "run" / "vocabularies")
    found = checked_vocabularies(vocabularies, graph_files(folder))
    assert found.keys() == {"user", "movie"}


def test_vocabularies_of_another_graph_are_named(folder: Path) -> None:
    rewritten(folder, "user", b"b\na\nc\n")
    with pytest.raises(
        BaseError, match="not those of the transform graph: table `user`"
    ):
        checked_vocabularies(str(folder / "run" / "vocabularies"), graph_files(folder))


def test_vocabularies_without_a_table_are_named(folder: Path) -> None:
    known = load_vocabularies(str(folder / "run" / "vocabularies")).tables
    change_vocabularies(folder, tables={"movie": known["movie"]})
    with pytest.raises(BaseError, match="have no table `user`: they have movie"):
        checked_vocabularies(str(folder / "run" / "vocabularies"), graph_files(folder))
