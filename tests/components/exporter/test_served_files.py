"""A model's files: read outside Python, always the same, exported in little memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.saved_model.fingerprinting_utils import write_fingerprint

from benchmarks.serving.programs import large
from shardline.components.exporter.serving_model import ServingModel

# Of a table of 410 MB.
ROWS, HOSTS = 1_600_000, 4


@pytest.mark.parametrize("model", ["exported", "compact"])
def test_a_c_program_gets_the_same_scores(
    score_client: Path,
    examples: list[bytes],
    tmp_path: Path,
    model: str,
    request: pytest.FixtureRequest,
) -> None:
    served = request.getfixturevalue(model)
    with tf.io.TFRecordWriter(str(tmp_path / "examples")) as writer:
        for example in examples:
            writer.write(example)

    done = subprocess.run(
        [score_client, served.folder, tmp_path / "examples"],
        capture_output=True,
        text=True,
        check=True,
    )

    expected = served.signatures["serving_default"](examples=tf.constant(examples))
    scores = np.array(done.stdout.split(), np.float32)
    assert len(set(scores.tolist())) == len(examples)
    np.testing.assert_array_equal(scores, expected["scores"])


def test_same_checkpoint_makes_the_same_variables_whatever_was_made_before(
    trained: Any, compact: Any, tmp_path: Path
) -> None:
    keras.layers.Dense(1).build([None, 2])
    model = ServingModel(str(trained.checkpoint), trained.output, compact.precisions)

    model.save(str(tmp_path))

    for folder in ("variables", "assets.extra"):
        first, again = (_contents(f / folder) for f in (compact.folder, tmp_path))
        assert first == again


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_fingerprint_is_that_of_the_final_files(exported: Any, tmp_path: Path) -> None:
    mine = tf.saved_model.experimental.read_fingerprint(str(exported.folder))
    for name in ("saved_model.pb", "variables"):
        (tmp_path / name).symlink_to(exported.folder / name)

    write_fingerprint(str(tmp_path))

    fresh = tf.saved_model.experimental.read_fingerprint(str(tmp_path))
    assert mine.checkpoint_hash == fresh.checkpoint_hash
    assert mine.saved_model_checksum == fresh.saved_model_checksum


def test_graph_holds_no_python_function_and_no_rows(exported: Any) -> None:
    graph = (exported.folder / "saved_model.pb").read_bytes()

    assert b"PyFunc" not in graph
    saved = dict(tf.train.list_variables(str(exported.folder / "variables/variables")))
    tables = {name: shape for name, shape in saved.items() if "tables/" in name}
    assert tables == {
        f"tables/{name}/parts/rows/.ATTRIBUTES/VARIABLE_VALUE": [rows, 8]
        for name, rows in {"item": 50, "shop": 40, "word": 31, "day": 7}.items()
    }


def test_export_and_loading_take_no_second_copy_of_a_table(tmp_path: Path) -> None:
    large.make(tmp_path, ROWS, HOSTS)()

    export, load = (_measured(action, tmp_path) for action in ("export", "load"))

    table_bytes = ROWS * large.DIM * 4
    assert export["table_bytes"] == load["table_bytes"] == table_bytes
    assert _taken(export) < 0.9 * table_bytes
    assert _taken(load) < 1.5 * table_bytes


def _measured(action: str, folder: Path) -> dict[str, int]:
    program = [sys.executable, "-m", "benchmarks.serving.programs.large"]
    done = subprocess.run(
        [*program, action, folder, f"--rows={ROWS}", f"--hosts={HOSTS}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(large.__file__).parents[3],
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    print(action, measured)
    return measured


def _taken(measured: dict[str, int]) -> int:
    return measured["peak_bytes"] - measured["before_bytes"]
