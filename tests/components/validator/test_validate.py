"""A model is judged in a fresh process, and one that cannot be asked is not passed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.parity_examples import SCORES_FILE, model_parity
from shardline.components.contracts.parity_lookups import load_lookups
from shardline.components.validator import validate as validate_module
from shardline.components.validator.replay.answers import Answers, Refusal
from shardline.components.validator.validate import check_parity, validate
from shardline.configs.schema import Serving


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
        lengths = tf.cast(tf.strings.length(names), tf.float32)
        return lengths + tf.constant(0.25) * lengths

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
def test_table_may_be_off_by_the_rounding_of_the_precision_on_the_card(
    export: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    card: dict[str, Any],
    difference: float,
    passes: bool,
) -> None:
    folder = Path(export())
    if card:
        path = folder / "assets.extra" / "model.json"
        path.write_text(json.dumps({"tables": card}))
    (asked, _) = load_lookups(model_parity(folder)).requests
    rows = asked["user"].activations + np.array([[0], [difference]], np.float32)
    answers = Answers(
        np.load(model_parity(folder) / SCORES_FILE),
        [{"user": rows}, {}],
        [None, Refusal("InvalidArgumentError", "")],
        1,
        {},
    )
    monkeypatch.setattr(validate_module, "replay", lambda *_, **__: answers)

    parity = check_parity(str(folder), 0.0)

    assert parity.gate.passes is passes
    assert parity.tables["user"].precision == ("int8" if card else "float32")
    assert parity.tables["user"].worst.ids == ([3] if difference else [0])
