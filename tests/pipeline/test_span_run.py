"""`shardline run` on data in spans, as a user sees it: one month after the other."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.contracts.checkpoint_manifest import checkpoint_prefix
from shardline.components.contracts.living_vocabulary import (
    FREE_LINE,
    load_vocabularies,
)
from shardline.components.contracts.spans.comparison import load_comparison
from shardline.components.contracts.spans.state import SpanState, load_state

stopped_run = load("pipeline/test_stopped_run.py")
pytestmark = pytest.mark.slow
_SPANS = ["1997-10", "1997-11", "1997-12", "1998-01", "1998-02"]
_TIME_LIMIT_S = 240


@pytest.fixture(scope="module")
def months(
    spans_config: Path,
    shardline: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """A run folder in which all that was due is done, and what the command said."""
    folder = tmp_path_factory.mktemp("months") / "run"
    finished = shardline("run", spans_config, "--output-dir", folder)
    assert finished.returncode == 0, "\n".join(finished.lines)
    return folder, finished


def _state(folder: Path) -> SpanState:
    return load_state(str(folder / "serving"), "small_spans")


def _tokens(vocabularies: str, table: str) -> dict[str, int]:
    lines = Path(vocabularies, table).read_text().splitlines()
    return {
        token: row for row, token in enumerate(lines) if not token.startswith(FREE_LINE)
    }


def _table(checkpoint: str, name: str) -> np.ndarray:
    reader = tf.train.load_checkpoint(checkpoint_prefix(checkpoint))
    (key,) = [
        key
        for key in reader.get_variable_to_shape_map()
        if key.startswith(f"embedding/{name}/.") and key.endswith("VARIABLE_VALUE")
    ]
    table: np.ndarray = reader.get_tensor(key)
    return table


def test_each_month_is_trained_on_and_judged_by_the_next(months: Any) -> None:
    folder, _ = months

    runs = _state(folder).runs

    trained = [[span.span for span in run.plan.train] for run in runs]
    assert trained == [[span] for span in _SPANS[:-1]]
    judged = [run.plan.evaluate.span for run in runs if run.plan.evaluate]
    assert judged == _SPANS[1:]
    assert [run.verdict for run in runs] == ["published"] * 4
    assert len({run.version for run in runs}) == 4


def test_each_model_goes_on_from_the_one_before(months: Any) -> None:
    folder, _ = months

    runs = _state(folder).runs

    steps = [run.base.steps for run in runs if run.base]
    assert steps == sorted(set(steps))
    bases = [run.plan.base for run in runs]
    assert bases[0] is None
    assert bases[1:] == [run.base for run in runs[:-1]]


def test_token_that_stays_keeps_its_row(months: Any) -> None:
    folder, _ = months
    kept = 0
    bases = [run.base for run in _state(folder).runs]
    for before, after in pairwise(bases):
        assert load_vocabularies(after.vocabularies).tables["movie"].moved == 0
        old, new = (_tokens(one.vocabularies, "movie") for one in (before, after))
        for token in old.keys() & new.keys():
            assert old[token] == new[token]
            kept += 1
    assert kept > 50


def test_movies_of_a_span_are_served_by_the_next_version(months: Any) -> None:
    folder, _ = months
    first, second, *_ = _state(folder).runs
    old = _tokens(first.base.vocabularies, "movie")
    new = _tokens(second.base.vocabularies, "movie")
    came = sorted(new.keys() - old.keys())
    assert came
    served = tf.saved_model.load(str(folder / "serving" / second.version))
    rows = served.signatures["lookup"](
        **{
            name: tf.constant(value)
            for name, value in {
                **_lookup_inputs(served, new[came[0]]),
            }.items()
        }
    )["movie_id"]
    table = _table(second.base.checkpoint, "movie")
    np.testing.assert_array_equal(rows.numpy()[0], table[new[came[0]]])
    assert not np.array_equal(table[new[came[0]]], table[90])  # of unknown tokens


def _lookup_inputs(served: Any, movie: int) -> Mapping[str, Any]:
    """Returns a request for one movie; other features have no ids, or any."""
    _, signature = served.signatures["lookup"].structured_input_signature
    inputs: dict[str, Any] = {}
    for name, spec in signature.items():
        if name.endswith("_row_splits"):
            inputs[name] = np.array([0, 0], np.int64)
        elif name.endswith(("_values", "_weights")):
            inputs[name] = np.zeros([0], spec.dtype.as_numpy_dtype)
        else:
            inputs[name] = np.array([0], np.int64)
    inputs["movie_id"] = np.array([movie], np.int64)
    return inputs


def test_models_are_compared_on_what_none_of_them_has_seen(months: Any) -> None:
    folder, _ = months
    found = folder.glob("artifacts/ModelComparator/comparison/*")

    comparison = load_comparison(str(max(found, key=lambda path: int(path.name))))

    assert comparison.judged_on == _SPANS[-1]
    assert set(comparison.models) == {"candidate", "in_service", "never_updated"}
    assert comparison.models["never_updated"].spans == _SPANS[0]


def test_second_call_does_nothing_and_says_so(
    months: Any, spans_config: Path, shardline: Callable[..., Any]
) -> None:
    folder, _ = months
    before = _state(folder)
    versions = sorted(path.name for path in (folder / "serving").iterdir())

    finished = shardline("run", spans_config, "--output-dir", folder)

    assert finished.returncode == 0, "\n".join(finished.lines)
    said = " ".join(finished.lines)
    assert "Nothing is due" in said
    assert _state(folder) == before
    assert sorted(path.name for path in (folder / "serving").iterdir()) == versions


@pytest.mark.parametrize("where", ["FeatureTransform", "  Trainer: ", "Pusher"])
def test_killed_run_comes_to_the_same_end(
    where: str, months: Any, spans_config: Path, tmp_path: Path, shardline: Any
) -> None:
    folder, _ = months
    killed = tmp_path / "run"
    with subprocess.Popen(
        [stopped_run.SHARDLINE, "run", spans_config, "--output-dir", killed],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as command:
        assert command.stdout
        found = False
        for line in command.stdout:
            if line.startswith(where) and not found:
                found = True
                os.killpg(command.pid, signal.SIGKILL)
        assert command.wait(_TIME_LIMIT_S) != 0
    assert found

    finished = shardline("run", spans_config, "--output-dir", killed, "--spans", "1")

    assert finished.returncode == 0, "\n".join(finished.lines)
    first, second = (_state(one).runs[0] for one in (folder, killed))
    assert len(_state(killed).runs) == 1
    assert first.plan == second.plan
    assert first.metrics == second.metrics
    assert first.base
    assert second.base
    assert first.base.steps == second.base.steps
    for table in ("user", "movie", "genre"):
        np.testing.assert_array_equal(
            _table(first.base.checkpoint, table), _table(second.base.checkpoint, table)
        )
