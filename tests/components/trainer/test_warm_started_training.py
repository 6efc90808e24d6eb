"""A training that goes on from the model of the span before, killed ones too."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.contracts.checkpoint_manifest import load_manifest
from shardline.components.trainer.base import BaseError
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.warm_start import WarmStart
from shardline.configs.living import Living
from shardline.configs.schema import Feature, FeatureSet, Model, Optimizer, Table
from shardline.embedding.checkpoint.warm_start.errors import WarmStartError

runs = load("components/trainer/span_runs.py")
processes = load("embedding/cluster/processes.py")
CHIEF = Path(__file__).with_name("placement") / "training_chief.py"

STEPS = runs.EXAMPLES // 8
FIRST = {"user": [f"u{i}" for i in range(20)], "movie": ["m0", "m1", "m2", None]}
# u3 and u4 went, and u20 has a row of theirs; there is one row more.
THEN = {
    "user": [f"u{i}" if i not in (3, 4) else None for i in range(20)] + ["u21"],
    "movie": ["m0", "m1", "m2", "m3"],
}
THEN["user"][3] = "u20"


def features(user: dict[str, Any] | None = None, **tables: Any) -> FeatureSet:
    """Returns a feature for each table, of one dim."""
    made = {
        "user": Table(**{"dim": 4, "optimizer": Optimizer(adam={}), **(user or {})}),
        "movie": Table(dim=4, optimizer=Optimizer(adagrad={})),
        **tables,
    }
    kept = {name: table for name, table in made.items() if table}
    return FeatureSet(
        features={name: Feature(table=name) for name in kept}, tables=kept
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The first run, and its checkpoint."""
    folder = tmp_path_factory.mktemp("first")
    run = runs.SpanRun(folder / "inputs", features(), FIRST)
    checkpoint, _ = run.train(folder, span="2026-11-01")
    return run, Path(checkpoint.uri)


@pytest.fixture(scope="module")
def base(first: tuple[Any, Path]) -> Any:
    run, checkpoint = first
    return run.base(checkpoint, ("2026-11-01",))


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The inputs of the second run."""
    living = Living(admitted="oov_row", archive_evicted=True)
    given = features({"living": living})
    return runs.SpanRun(tmp_path_factory.mktemp("second") / "inputs", given, THEN)


@pytest.fixture(scope="module")
def whole(second: Any, base: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The second run's checkpoint and logs; it was never killed."""
    outputs = tmp_path_factory.mktemp("whole")
    return second.train(outputs, base=base, checkpoint={"every_steps": 2})


def test_a_first_run_says_what_it_is_of(first: tuple[Any, Path]) -> None:
    manifest = load_manifest(str(first[1]))
    assert manifest.spans == ("2026-11-01",)
    assert manifest.warm_start is None
    assert manifest.vocabularies.keys() == {"user", "movie"}
    assert {one.name for one in manifest.dense} >= {
        "model/dlrm/dense/kernel",
        "optimizer/dlrm/dense/kernel/momentum",
        "optimizer/iteration",
    }


def test_a_second_run_goes_on_and_says_what_it_took(whole: Any, base: Any) -> None:
    checkpoint, logs = whole
    manifest = load_manifest(checkpoint.uri)
    facts = manifest.warm_start

    assert manifest.steps == 2 * STEPS
    assert manifest.spans == ("2026-11-01", "2026-11-02")
    assert (facts.checkpoint, facts.steps) == (base.checkpoint, STEPS)
    assert facts.spans == ("2026-11-01",)
    user, movie = facts.tables["user"], facts.tables["movie"]
    assert (user.kept, user.admitted, user.evicted) == (18 + 1, 2, 2)
    assert (movie.kept, movie.admitted, movie.evicted) == (3 + 1, 1, 0)
    assert facts.dense_not_taken == {}
    assert facts.dense_taken == len(manifest.dense) - 1  # not the learning rate
    properties = {
        name: artifact.get_string_custom_property(name)
        for artifact in (checkpoint,)
        for name in ("spans", "warm_started_from")
    }
    assert properties == {"spans": "2026-11-02", "warm_started_from": base.checkpoint}
    assert logs.get_string_custom_property("spans") == "2026-11-02"


def test_steps_in_tensorboard_go_on(whole: Any) -> None:
    _, logs = whole
    (file,) = Path(logs.uri, "train").glob("events.*")
    steps = {
        event.step
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "loss"
    }
    assert min(steps) > STEPS
    assert max(steps) == 2 * STEPS


def test_rows_of_evicted_tokens_are_kept(whole: Any, first: tuple[Any, Path]) -> None:
    folder = Path(whole[0].uri, "evicted")
    before = runs.tables_in(first[1])
    assert np.load(folder / "user.rows.npy").tolist() == [3, 4]
    for tensor, key in (
        ("parameters", "embedding/user"),
        ("momenta", "embedding/user.Smomenta"),
        ("velocities", "embedding/user.Svelocities"),
    ):
        kept = np.load(folder / f"user.{tensor}.npy")
        np.testing.assert_array_equal(kept, before[key][[3, 4]])
    assert not list(folder.glob("movie*"))


def begun(
    run: Any, base: Any, monkeypatch: pytest.MonkeyPatch, outputs: Path, **settings: Any
) -> dict[str, np.ndarray]:
    """Returns what a training begins with: one that learns nothing."""

    def learn_nothing(learner: Learner, _: Any, steps: Any) -> float:
        learner.step.assign_add(tf.cast(steps, tf.int64))
        return 0.0

    monkeypatch.setattr(Learner, "train", learn_nothing)
    checkpoint, _ = run.train(outputs, base=base, **settings)
    return runs.tables_in(Path(checkpoint.uri))


def test_training_begins_with_rows_slots_and_dense_of_the_base(
    first: tuple[Any, Path],
    second: Any,
    base: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    before = runs.tables_in(first[1])

    after = begun(second, base, monkeypatch, tmp_path, hosts=3)

    assert before.keys() == after.keys()
    rows = [row for row in range(20) if row not in (3, 4)]
    for name, values in before.items():
        if name.startswith("embedding/user"):
            np.testing.assert_array_equal(after[name][rows], values[rows])
            # The row of unknown tokens has moved on by one.
            np.testing.assert_array_equal(after[name][21], values[20])
        elif name.startswith("embedding/movie"):
            np.testing.assert_array_equal(after[name][:3], values[:3])
            np.testing.assert_array_equal(after[name][4], values[4])
        elif name != "step":
            np.testing.assert_array_equal(after[name], values)
    user = "embedding/user"
    np.testing.assert_array_equal(
        after[user][[3, 20]],
        before[user][[20, 20]],  # admitted: from the unknown's row
    )
    assert (after[user][4] != before[user][4]).all()
    slots = [
        name for name in after if name.startswith("embedding/user") and name != user
    ]
    assert len(slots) == 2
    for slot in slots:
        assert (after[slot][[3, 4, 20]] == 0).all()


def assert_same(got: Path, expected: Path) -> None:
    """Asserts that two checkpoints are equal, byte for byte."""
    values, wanted = runs.tables_in(got), runs.tables_in(expected)
    assert values.keys() == wanted.keys()
    for name, value in wanted.items():
        assert values[name].tobytes() == value.tobytes(), name
    files, named = (
        {
            name: content
            for name, content in runs.contents(folder).items()
            # Its values are compared; it names layers, which Keras numbers by the
            # process, and a chief has a file of its own.
            if not name.startswith("checkpoint.")
        }
        for folder in (got, expected)
    )
    assert files == named


@pytest.mark.parametrize(("calls", "begins"), [(1, 2), (3, 1)])
def test_a_killed_one_goes_on_as_if_it_had_not_been(
    second: Any,
    base: Any,
    whole: Any,
    calls: int,
    begins: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Killed before the first set it begins again; after it, never."""
    settings = {"base": base, "checkpoint": {"every_steps": 2}}
    train, apply, applied = Learner.train, WarmStart.apply, []

    def killed(learner: Learner, *arguments: Any) -> Any:
        nonlocal calls
        calls -= 1
        if calls < 0:
            raise RuntimeError("killed")
        return train(learner, *arguments)

    def counted(start: WarmStart) -> None:
        applied.append(start)
        apply(start)

    monkeypatch.setattr(WarmStart, "apply", counted)
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "train", killed)
        with pytest.raises(RuntimeError, match="killed"):
            second.train(tmp_path, 1, **settings)
    shutil.rmtree(tmp_path / "Trainer" / "checkpoint")  # as TFX does

    checkpoint, _ = second.train(tmp_path, 2, **settings)

    assert len(applied) == begins
    assert_same(Path(checkpoint.uri), Path(whole[0].uri))


@pytest.mark.orchestration
def test_one_that_was_killed_on_hosts_goes_on_on_a_cluster(
    second: Any,
    base: Any,
    whole: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    settings = {"base": base, "checkpoint": {"every_steps": 2}}
    train, calls = Learner.train, iter(range(3))

    def killed(learner: Learner, *arguments: Any) -> Any:
        if next(calls, None) is None:
            raise RuntimeError("killed")
        return train(learner, *arguments)

    monkeypatch.setattr(Learner, "train", killed)
    with pytest.raises(RuntimeError, match="killed"):
        second.train(tmp_path, 1, **settings)
    shutil.rmtree(tmp_path / "Trainer" / "checkpoint")  # as TFX does
    cluster = processes.TestCluster(2, tmp_path, CHIEF)
    chief, *workers = (f"127.0.0.1:{port}" for port in cluster.ports)
    try:
        cluster.ask(
            "train",
            within_s=processes.START_WITHIN_S,
            folder=second.folder,
            features=second.features,
            tokens=second.tokens,
            outputs=tmp_path,
            number=2,
            cluster={"chief": chief, "workers": workers},
            **settings,
        )
    finally:
        cluster.close()

    assert_same(tmp_path / "Trainer" / "checkpoint" / "2", Path(whole[0].uri))


def test_a_run_that_shall_not_go_on_begins_anew(
    second: Any, base: Any, tmp_path: Path
) -> None:
    checkpoint, _ = second.train(tmp_path, base=base, warm_start=False)
    manifest = load_manifest(checkpoint.uri)
    assert (manifest.steps, manifest.warm_start) == (STEPS, None)
    assert manifest.spans == ("2026-11-02",)


def test_a_changed_model_takes_what_fits_and_the_rest_is_told(
    base: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A table is new, one is gone, there is a layer more."""
    caplog.set_level(logging.INFO, logger="shardline.trainer")
    given = features(tag=Table(dim=4), movie=None)
    run = runs.SpanRun(
        tmp_path / "inputs", given, {"user": THEN["user"], "tag": ["a", "b"]}
    )
    model = Model(options={"hidden_units": [6, 5]})

    after = begun(run, base, monkeypatch, tmp_path, model=model)

    manifest = load_manifest(str(tmp_path / "Trainer" / "checkpoint" / "1"))
    facts = manifest.warm_start
    assert facts.left == ("movie",)
    assert facts.tables["tag"].fresh.startswith("begins anew: the checkpoint has no")
    assert "model/dlrm/dense_2/kernel" in facts.dense_not_taken
    assert "table movie of the checkpoint is left behind" in caplog.text
    assert "model/dlrm/dense_2/kernel begins anew: the checkpoint has no" in caplog.text
    taken = "optimizer/dlrm/dense/kernel/velocity"
    before = runs.tables_in(Path(base.checkpoint))
    held = load_manifest(base.checkpoint)
    keys = [
        next(one.key for one in manifest.dense if one.name == taken)
        for manifest in (manifest, held)
    ]
    np.testing.assert_array_equal(after[keys[0]], before[keys[1]])


def test_a_wider_table_keeps_its_columns(
    first: tuple[Any, Path], base: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wider = features({"dim": 6}, movie=Table(dim=6, optimizer=Optimizer(adagrad={})))
    run = runs.SpanRun(tmp_path / "inputs", wider, FIRST)

    after = begun(run, base, monkeypatch, tmp_path)

    before = runs.tables_in(first[1])
    for name in (name for name in before if name.startswith("embedding/")):
        rows = [0, 1, 2, -1]  # The fourth movie's row is free.
        np.testing.assert_array_equal(after[name][rows, :4], before[name][rows])
    accumulators = next(name for name in before if "accumulators" in name)
    np.testing.assert_array_equal(after[accumulators][:, 4:], np.float32(0.1))
    facts = load_manifest(str(tmp_path / "Trainer" / "checkpoint" / "1")).warm_start
    assert facts.tables["user"].new_columns == 2


FAULTS = {
    "optimizer": (
        features({"optimizer": Optimizer(sgd={})}),
        WarmStartError,
        "of another optimizer",
    ),
    "narrower": (
        features({"dim": 3}, movie=Table(dim=3)),
        WarmStartError,
        "has 3 columns, and 4",
    ),
    "no table": (
        FeatureSet(
            features={"tag": Feature(table="tag"), "item": Feature(table="item")},
            tables={"tag": Table(dim=4), "item": Table(dim=4)},
        ),
        BaseError,
        "is of another feature set: it has the tables movie, user",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_go_on_is_named_before_training(
    base: Any, fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given, error, message = FAULTS[fault]
    tokens = {name: ["a", "b"] for name in given.tables}
    run = runs.SpanRun(tmp_path / "inputs", given, tokens)
    monkeypatch.setattr(Learner, "train", None)
    with pytest.raises(error, match=message):
        run.train(tmp_path, base=base)
