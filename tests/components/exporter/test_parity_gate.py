"""The gate refuses a model that answers otherwise, or not at all."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.exporter import parity_gate
from components.exporter.parity_gate import (
    ParityError,
    ParityResult,
    check_parity,
    replay_in_fresh_process,
)
from components.parity import write_parity

RECORDS = [b"", b"a", b"bcd"]
SCORES = np.array([0.0, 1.0, 3.0], np.float32)


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., str]:
    """Exports a model that scores with the length of a record, by default."""

    def save(
        graph: Callable[[tf.Tensor], tf.Tensor] = tf.strings.length,
        scores: np.ndarray = SCORES,
    ) -> str:
        spec = tf.TensorSpec([None], tf.string, name="examples")

        @tf.function(input_signature=[spec])
        def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"scores": tf.cast(graph(examples), tf.float32)}

        folder = str(tmp_path / "model")
        tf.saved_model.save(tf.Module(), folder, signatures={"serving_default": serve})
        write_parity(Path(folder, "assets.extra", "parity"), RECORDS, scores)
        return folder

    return save


def test_equal_model_passes_whatever_the_environment_holds(
    export: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('not isolated')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    result = check_parity(export(), 0.0)

    assert (result.examples, result.max_difference) == (3, 0.0)


def test_model_that_differs_is_refused_with_its_worst_example(
    export: Callable[..., str],
) -> None:
    folder = export(scores=SCORES + np.array([0, -0.125, 0.5], np.float32))

    with pytest.raises(
        ParityError,
        match=r"differs from the engine by 0\.5 on example 2 of 3; at most 1e-06 is "
        r"allowed \(serving\.max_difference\)",
    ):
        check_parity(folder, 1e-6)


@pytest.mark.parametrize(
    ("difference", "passes"),
    [(0.0, True), (1e-6, True), (1.1e-6, False), (float("nan"), False)],
)
def test_limit_itself_is_allowed_and_no_number_is_not(
    monkeypatch: pytest.MonkeyPatch, difference: float, passes: bool
) -> None:
    result = ParityResult(examples=3, max_difference=difference, worst_example=0)
    monkeypatch.setattr(parity_gate, "replay_in_fresh_process", lambda folder: result)

    if passes:
        assert check_parity("model", 1e-6) is result
    else:
        with pytest.raises(ParityError):
            check_parity("model", 1e-6)


def test_folder_without_a_model_is_an_error_of_one_clear_line(tmp_path: Path) -> None:
    write_parity(tmp_path / "assets.extra" / "parity", RECORDS, SCORES)

    with pytest.raises(ParityError) as raised:
        replay_in_fresh_process(str(tmp_path))

    first, *rest = str(raised.value).splitlines()
    assert first == (
        f"The model in {tmp_path} cannot be served: a process with only TensorFlow "
        "ended with exit code 1."
    )
    assert "saved_model.pb" in " ".join(rest) or "does not exist" in " ".join(rest)
    assert "Traceback" not in str(raised.value)


def test_model_that_needs_python_functions_of_the_exporter_is_refused(
    export: Callable[..., str],
) -> None:
    def in_python(examples: tf.Tensor) -> tf.Tensor:
        lengths = tf.py_function(lambda e: tf.strings.length(e), [examples], tf.int32)
        return tf.ensure_shape(lengths, [None])

    with pytest.raises(ParityError, match="cannot be served"):
        replay_in_fresh_process(export(in_python))


def test_model_that_does_not_answer_in_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parity_gate, "_TIME_LIMIT_S", 0.01)

    with pytest.raises(ParityError, match="did not answer within"):
        replay_in_fresh_process(str(tmp_path))


def test_fresh_process_imports_nothing_of_this_project(
    export: Callable[..., str],
) -> None:
    replay = Path(parity_gate.__file__).with_name("replay.py")
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:];"
        "runpy.run_path(sys.argv[0], run_name='__main__');"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", code, replay, export()],
        capture_output=True,
        text=True,
        check=True,
    )

    imported = set(done.stdout.splitlines()[-1].split())
    assert "tensorflow" in imported
    assert not imported & {"configs", "embedding", "components", "pipeline"}
    assert not imported & {"tfx", "tensorflow_transform", "apache_beam", "keras_rs"}
