"""`shardline run` on data in spans, as a user sees it: one month after the other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
from shardline.components.pusher.newest_model import newest_model
from shardline.configs import load_run
from shardline.pipeline.steps import steps_of

stopped_run = load("pipeline/test_stopped_run.py")
pytestmark = pytest.mark.slow
_SPANS = ["1997-10", "1997-11", "1997-12", "1998-01"]
_LATER = ["1998-02", "1998-03", "1998-04"]  # hardly anybody rates any more
_TIME_LIMIT_S = 240
_HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def months(
    spans_config: Path,
    shardline: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A run folder in which all that was due is done; months too small are left out."""
    folder = tmp_path_factory.mktemp("months") / "run"
    into = ("--output-dir", folder)
    finished = shardline("run", spans_config, *into, "--spans", "3")
    assert finished.returncode == 0, "\n".join(finished.lines)
    for span in _LATER:
        skipped = shardline(
            "spans", "skip", spans_config, span, "--reason", "too small", *into
        )
        assert skipped.returncode == 0, "\n".join(skipped.lines)
    return folder


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


def test_each_month_is_trained_on_and_judged_by_the_next(months: Path) -> None:
    runs = _state(months).runs

    trained = [[span.span for span in run.plan.train] for run in runs]
    assert trained == [[span] for span in _SPANS[:-1]]
    judged = [run.plan.evaluate.span for run in runs if run.plan.evaluate]
    assert judged == _SPANS[1:]
    assert [run.verdict for run in runs] == ["published"] * 3
    assert len({run.version for run in runs}) == 3


def test_each_model_goes_on_from_the_one_before(months: Path) -> None:
    runs = _state(months).runs

    steps = [run.base.steps for run in runs if run.base]
    assert steps == sorted(set(steps))
    bases = [run.plan.base for run in runs]
    assert bases[0] is None
    assert bases[1:] == [run.base for run in runs[:-1]]


def test_token_that_stays_keeps_its_row(months: Path) -> None:
    kept = 0
    bases = [run.base for run in _state(months).runs]
    for before, after in pairwise(bases):
        assert load_vocabularies(after.vocabularies).tables["movie"].moved == 0
        old, new = (_tokens(one.vocabularies, "movie") for one in (before, after))
        for token in old.keys() & new.keys():
            assert old[token] == new[token]
            kept += 1
    assert kept > 50


@pytest.fixture(scope="module")
def scores_of(months: Path) -> Iterator[Callable[[list[str]], np.ndarray]]:
    """The scores of users by the newest version: of one example, its user replaced."""
    examples = sorted(months.glob("artifacts/SpanExamples/examples/*/Split-eval/*"))
    records = tf.data.TFRecordDataset(str(examples[-1]), compression_type="GZIP")
    serialized = next(records.as_numpy_iterator())
    with newest_model(months / "serving") as (_, folder):
        model = tf.saved_model.load(str(folder))

        def scores(users: list[str]) -> np.ndarray:
            requests = []
            for user in users:
                example = tf.train.Example.FromString(serialized)
                example.features.feature["user_id"].bytes_list.value[0] = user.encode()
                requests.append(example.SerializeToString())
            answer = model.signatures["serving_default"](tf.constant(requests))
            found: np.ndarray = answer["scores"].numpy()
            return found

        yield scores


def test_deltas_carry_what_came(
    months: Path, scores_of: Callable[[list[str]], np.ndarray]
) -> None:
    first, second, third = _state(months).runs
    serving = months / "serving"
    assert (serving / first.version).is_dir()
    for run in (second, third):
        assert not (serving / run.version).exists()
        assert (serving / "deltas" / run.version).is_dir()
    old = _tokens(second.base.vocabularies, "user")
    new = _tokens(third.base.vocabularies, "user")
    came = sorted(new.keys() - old.keys())
    assert came

    unknown, *scores = scores_of(["nobody", *came])

    assert all(score != unknown for score in scores)


def test_evicted_tokens_answer_as_unknown_ones(
    months: Path, scores_of: Callable[[list[str]], np.ndarray]
) -> None:
    first, *_, third = _state(months).runs
    old = _tokens(first.base.vocabularies, "user")
    gone = sorted(old.keys() - _tokens(third.base.vocabularies, "user").keys())
    assert gone

    unknown, *scores = scores_of(["nobody", *gone])

    assert all(score == unknown for score in scores)


def test_evicted_rows_are_used_again_and_learn_anew(months: Path) -> None:
    first, *_, third = _state(months).runs
    old = _tokens(first.base.vocabularies, "user")
    new = _tokens(third.base.vocabularies, "user")
    was_of_others = set(new.values()) & {
        old[token] for token in old.keys() - new.keys()
    }

    before = _table(first.base.checkpoint, "user")
    after = _table(third.base.checkpoint, "user")

    assert was_of_others
    for row in was_of_others:
        assert not np.array_equal(before[row], after[row])


def test_models_are_compared_on_what_none_of_them_has_seen(months: Path) -> None:
    found = months.glob("artifacts/ModelComparator/comparison/*")

    comparison = load_comparison(str(max(found, key=lambda path: int(path.name))))

    assert comparison.judged_on == f"span {_SPANS[-1]}"
    assert set(comparison.models) == {"candidate", "in_service", "never_updated"}


def test_second_call_does_nothing_and_says_so(
    months: Path, spans_config: Path, shardline: Callable[..., Any]
) -> None:
    before = _state(months)
    versions = sorted(path.name for path in (months / "serving").iterdir())

    finished = shardline("run", spans_config, "--output-dir", months)

    assert finished.returncode == 0, "\n".join(finished.lines)
    said = " ".join(finished.lines)
    assert "Nothing is due" in said
    assert _state(months) == before
    assert sorted(path.name for path in (months / "serving").iterdir()) == versions


@pytest.mark.parametrize("where", ["  Trainer: ", "  Pusher: "])
def test_killed_run_comes_to_the_same_end(
    where: str, months: Path, spans_config: Path, tmp_path: Path, shardline: Any
) -> None:
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
    deadline = time.monotonic() + _TIME_LIMIT_S
    while stopped_run.processes_with(str(killed)):
        assert time.monotonic() < deadline, "a process of the run goes on"
        time.sleep(0.1)

    finished = shardline("run", spans_config, "--output-dir", killed, "--spans", "1")

    assert finished.returncode == 0, "\n".join(finished.lines)
    first, second = (_state(one).runs[0] for one in (months, killed))
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


@pytest.mark.orchestration
def test_components_one_by_one_come_to_the_same_end_as_whole_runs(
    months: Path, spans_config: Path, tmp_path: Path, shardline: Callable[..., Any]
) -> None:
    series = tmp_path / "run"
    command = [sys.executable, str(_HERE / "part_series.py"), spans_config, series]
    components = steps_of(load_run(spans_config))
    ended = subprocess.run(
        [*command, *components, *components], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr

    whole, parts = _state(months).runs[:2], _state(series).runs
    assert [run.plan.train for run in parts] == [run.plan.train for run in whole]
    for one, other in zip(whole, parts, strict=True):
        assert one.metrics == other.metrics
        assert one.verdict == other.verdict
        assert one.base
        assert other.base
        for table in ("user", "movie", "genre"):
            np.testing.assert_array_equal(
                _table(one.base.checkpoint, table), _table(other.base.checkpoint, table)
            )
    before = sorted(path.name for path in (series / "serving").iterdir())
    again = shardline("run", spans_config, "--output-dir", series, "--only", "Pusher")
    assert again.returncode == 0, again.text
    assert "Nothing is due" in again.text
    assert sorted(path.name for path in (series / "serving").iterdir()) == before
