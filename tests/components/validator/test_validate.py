"""A model is judged in a fresh process, and one that cannot be asked is not passed."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.parity_examples import model_parity, write_parity
from shardline.components.contracts.parity_lookups import (
    Asked,
    Case,
    Lookups,
    Probed,
    bags_of,
)
from shardline.components.contracts.parity_lookups import write_lookups as write
from shardline.components.execution import fresh_process
from shardline.components.execution.fresh_process import (
    Answers,
    NotServedError,
    Refusal,
    ask_in_fresh_process,
)
from shardline.components.validator import validate as validate_module
from shardline.components.validator.replay import ask
from shardline.components.validator.replay.scores import (
    compare_scores,
    readable_example,
)
from shardline.components.validator.validate import check_parity, validate
from shardline.configs.schema import Serving

NAMES = [b"", b"a", b"bcd"]
SCORES = np.array([0.0, 1.0, 3.0], np.float32)
ROWS = np.arange(8, dtype=np.float32).reshape(4, 2) / 8


def example(name: bytes) -> bytes:
    """Returns a serialized example of one column."""
    made = tf.train.Example()
    made.features.feature["name"].bytes_list.value.append(name)
    return made.SerializeToString()


def lookups() -> Lookups:
    """What a table of four rows answers, and what it refuses."""
    right = Asked(
        bags_of([[0], [3]]),
        [Case("one id", 0, 2)],
        ROWS[[0, 3]],
        {"int8": np.array([0.0, 0.01], np.float32)},
    )
    wrong = Asked(bags_of([[4]]), [Case("id equal to the rows", 0, 1)])
    return Lookups(
        {"user": Probed("user", "single")}, [{"user": right}, {"user": wrong}]
    )


def _length(names: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(names), tf.float32)


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., str]:
    """Exports a model that scores with the length of a name, by default."""

    def save(
        score: Callable[[tf.Tensor], tf.Tensor] = _length, *, has_lookup: bool = True
    ) -> str:
        spec = {"name": tf.io.FixedLenFeature([], tf.string)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"scores": score(tf.io.parse_example(examples, spec)["name"])}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, "user")])
        def lookup(user: tf.Tensor) -> dict[str, tf.Tensor]:
            in_range = tf.debugging.Assert(tf.reduce_all(user < 4), ["ids up to 3"])
            with tf.control_dependencies([in_range]):
                return {"user": tf.gather(tf.constant(ROWS), user)}

        folder = str(tmp_path / "model")
        signatures = {"serving_default": serve}
        if has_lookup:
            signatures["lookup"] = lookup
        tf.saved_model.save(tf.Module(), folder, signatures=signatures)
        write_parity(model_parity(folder), [example(name) for name in NAMES], SCORES)
        write(model_parity(folder), lookups())
        return folder

    return save


def test_equal_model_passes_whatever_the_environment_holds(
    export: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('not isolated')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    validation = validate(
        export(),
        Serving(max_latency={"milliseconds": 1e6, "examples": 3}, max_bytes=10**9),
    )

    assert validation.blessed, validation.gates
    assert [gate.gate for gate in validation.gates] == [
        "parity",
        "size",
        "quality",
        "latency",
    ]
    assert (validation.scores.examples, validation.scores.largest_difference) == (3, 0)
    table = validation.parity["user"]
    assert (table.examples, table.refused, table.largest_difference) == (2, 1, 0.0)
    assert sorted(validation.latency_ms) == [1, 3, 256]
    assert 0 < validation.latency_ms[256].p50 <= validation.latency_ms[256].p99
    assert validation.load_seconds > 0


def test_every_limit_that_is_passed_closes_its_gate(export: Callable[..., str]) -> None:
    def longer(names: tf.Tensor) -> tf.Tensor:
        return _length(names) + tf.constant(0.25) * _length(names)

    validation = validate(
        export(longer), Serving(max_latency={"milliseconds": 1e-6}, max_bytes=100)
    )

    why = {gate.gate: gate.why for gate in validation.closed}
    assert set(why) == {"parity", "size", "latency"}
    assert "Scores differ by 0.75, at most 1e-06 is allowed" in why["parity"]
    assert "example 2 of 3: the engine said 3, the model 3.75" in why["parity"]
    assert "It is name ['bcd']" in why["parity"]
    assert "at most 100 are allowed (serving.max_bytes)" in why["size"]
    assert "at most 1e-06 ms is allowed (serving.max_latency)" in why["latency"]


def test_model_that_needs_python_functions_of_the_exporter_is_not_passed(
    export: Callable[..., str],
) -> None:
    def in_python(names: tf.Tensor) -> tf.Tensor:
        lengths = tf.py_function(lambda n: tf.strings.length(n), [names], tf.int32)
        return tf.cast(tf.ensure_shape(lengths, [None]), tf.float32)

    folder = export(in_python)

    validation = validate(folder, Serving())

    why = {gate.gate: gate.why for gate in validation.closed}
    first, *rest = why["parity"].splitlines()
    assert first == (
        f"The model in {folder} cannot be served: a process with only TensorFlow "
        "ended with exit code 1."
    )
    assert rest
    assert "Traceback" not in why["parity"]
    assert why["latency"] == "the model could not be asked"
    assert validation.parity == {}


@pytest.mark.parametrize(
    ("card", "difference", "passes"),
    [
        ({}, 0.0, True),
        ({}, 0.009, False),
        ({"user": {"form": "int8"}}, 0.009, True),
        ({"user": {"form": "int8"}}, 0.011, False),
    ],
)
def test_table_may_be_off_by_the_rounding_of_the_form_on_the_card(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    card: dict[str, Any],
    difference: float,
    passes: bool,
) -> None:
    write_parity(model_parity(tmp_path), [example(name) for name in NAMES], SCORES)
    write(model_parity(tmp_path), lookups())
    if card:
        path = tmp_path / "assets.extra" / "model.json"
        path.write_text(json.dumps({"tables": card}))
    rows = ROWS[[0, 3]] + np.array([[0], [difference]], np.float32)
    answers = Answers(
        SCORES, [{"user": rows}, {}], [None, Refusal("InvalidArgumentError", "")], 1, {}
    )
    monkeypatch.setattr(
        validate_module, "ask_in_fresh_process", lambda *given, **told: answers
    )

    parity = check_parity(str(tmp_path), 0.0)

    assert parity.gate.passes is passes
    assert parity.tables["user"].precision == ("int8" if card else "float32")
    assert parity.tables["user"].worst.ids == ([3] if difference else [0])


def test_model_without_lookups_is_refused(
    export: Callable[..., str], tmp_path: Path
) -> None:
    folder = Path(export(has_lookup=False))

    with pytest.raises(SystemExit, match="has no signature `lookup`, only"):
        ask.main(folder, str(tmp_path / "answers.npz"), 1, [])


def test_model_that_does_not_answer_in_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fresh_process, "_TIME_LIMIT_S", 0.01)

    with pytest.raises(NotServedError, match="did not answer within"):
        ask_in_fresh_process(str(tmp_path))


@pytest.mark.parametrize("scores", [SCORES[:1], SCORES[:, None]], ids=["few", "deep"])
def test_model_must_give_one_score_for_each_example(
    tmp_path: Path, scores: np.ndarray
) -> None:
    write_parity(tmp_path, [example(name) for name in NAMES], SCORES)

    with pytest.raises(NotServedError, match=r"has the shape .* for 3 examples"):
        compare_scores(tmp_path, scores)


def test_score_that_is_no_number_is_the_worst(tmp_path: Path) -> None:
    write_parity(tmp_path, [example(name) for name in NAMES], SCORES)

    parity = compare_scores(tmp_path, np.array([5.0, np.nan, 3.0], np.float32))

    assert (parity.worst_example, parity.largest_difference) == (1, float("inf"))
    assert readable_example(tmp_path, 1) == "name ['a']"


def test_fresh_process_imports_nothing_of_this_project(
    export: Callable[..., str], tmp_path: Path
) -> None:
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:];"
        "runpy.run_path(sys.argv[0], run_name='__main__');"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    answers = tmp_path / "answers.npz"
    command = [sys.executable, "-I", "-c", code, ask.__file__, export(), answers, "1"]

    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=True
    )

    imported: Any = set(done.stdout.splitlines()[-1].split())
    assert "tensorflow" in imported
    assert not imported & {"configs", "embedding", "components", "pipeline"}
    assert not imported & {"tfx", "tensorflow_transform", "apache_beam", "keras_rs"}
