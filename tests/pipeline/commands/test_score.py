"""`shardline score`, as one sees it on a terminal."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from shardline_tests import load
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app

_scorer = load("components/scorer/conftest.py")
served = _scorer.served
ROWS, job_of, write_rows = _scorer.ROWS, _scorer.job_of, _scorer.write_rows
Call = Callable[..., Result]


def text(result: Result) -> str:
    """Returns what was printed, its line breaks as single spaces."""
    return " ".join(result.output.split())


@pytest.fixture
def call(served: Any, tmp_path: Path) -> Call:
    """Calls the command on files of rows, in a folder of its own."""
    config, _ = job_of(tmp_path, on_bad_example="skip")
    write_rows(tmp_path / "a.csv", ROWS[:200], "csv")
    write_rows(tmp_path / "b.csv", ROWS[200:], "csv")

    def score(*arguments: str, model: Path = served.folder) -> Result:
        told = ["--output", str(tmp_path / "out"), "--model", str(model), *arguments]
        files = [str(tmp_path / "a.csv"), str(tmp_path / "b*")]
        return CliRunner().invoke(app, ["score", str(config), *files, *told])

    return score


def test_scores_lie_beside_ids(call: Call, served: Any, tmp_path: Path) -> None:
    result = call()

    assert result.exit_code == 0, result.output
    assert "Scoring 2 files with version 7" in text(result)
    assert "300 rows scored in " in text(result)
    assert text(result).endswith("with item, shop, day, hour")
    table = pq.read_table(tmp_path / "out" / "scores").to_pandas()
    assert list(table.columns) == ["item", "shop", "day", "hour", "score"]
    np.testing.assert_array_equal(table["score"], served.expected(ROWS))
    assert json.loads((tmp_path / "out" / "report.json").read_text())["version"] == 7


def test_options_of_the_runner_come_last(call: Call, tmp_path: Path) -> None:
    result = call("--keep=request", "--", "--direct_num_workers=1")

    assert result.exit_code == 0, result.output
    table = pq.read_table(tmp_path / "out" / "scores")
    assert table.column_names == ["request", "score"]


def test_row_that_is_left_out_is_told(call: Call, tmp_path: Path) -> None:
    write_rows(tmp_path / "b1.csv", [ROWS[0] | {"size": "large"}, *ROWS[1:5]], "csv")

    result = call()

    assert result.exit_code == 0, result.output
    assert "1 example left out: column `size` does not hold" in text(result)
    assert "304 rows scored" in text(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--version=8"], "has no version 8; the newest are 7. Name one of them."),
        (["--keep=tags"], "Column `tags` may hold several values"),
        (
            ["--keep=other"],
            "has no column `other`, which is to stand beside the scores",
        ),
        (["--format=csv"], "There is no format `csv`; use one of parquet, tfrecord."),
        (["--runner=storm"], "There is no runner `storm`"),
    ],
)
def test_mistake_ends_in_one_message(
    arguments: list[str], message: str, call: Call, tmp_path: Path
) -> None:
    result = call(*arguments)

    assert result.exit_code == 1
    assert message in text(result)
    assert "Traceback" not in result.output
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "b.csv", "scored.yaml"]


def test_folder_without_a_model_is_told(call: Call, tmp_path: Path) -> None:
    result = call(model=tmp_path)

    assert result.exit_code == 1
    assert f"{tmp_path} holds no published model. Run the pipeline first" in text(
        result
    )


@pytest.mark.slow
def test_model_of_a_run_scores_the_tf_examples_of_its_reader(
    finished_run: Any, shardline: Callable[..., Any], tmp_path: Path
) -> None:
    folder = finished_run.artifact("ReaderExampleGen", "examples")

    done = shardline(
        *("score", finished_run.config, folder / "Split-eval" / "*"),
        *("--output-dir", finished_run.output_dir, "--output", tmp_path / "out"),
    )

    assert done.returncode == 0, done.text
    assert len(done.lines) == 2, done.lines
    files = sorted(map(str, (folder / "Split-eval").iterdir()))
    examples = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    filled = [*examples, *[examples[-1]] * (-len(examples) % 64)]
    model = tf.saved_model.load(str(finished_run.published))
    answer = model.signatures["serving_default"](examples=tf.constant(filled))
    found = pq.read_table(tmp_path / "out" / "scores")
    np.testing.assert_array_equal(
        found["score"].to_numpy(), answer["scores"].numpy()[: len(examples)]
    )


def _keep(log: Any, folder: str) -> None:
    """Writes the scores of a batch by the column `request` of its examples."""
    sent = log.predict_log.request.inputs["examples"].string_val
    scores = tf.make_ndarray(log.predict_log.response.outputs["scores"]).tolist()
    examples = [tf.train.Example.FromString(serialized) for serialized in sent]
    requests = [e.features.feature["request"].int64_list.value[0] for e in examples]
    found = dict(zip(requests, scores, strict=True))
    Path(folder, str(requests[0])).write_text(json.dumps(found))


@pytest.mark.slow
def test_bulk_inference_of_tfx_gives_the_same_scores(
    served: Any, tmp_path: Path
) -> None:
    import apache_beam as beam
    from tfx_bsl.public.beam import RunInference
    from tfx_bsl.public.proto import model_spec_pb2

    from shardline.components.execution.in_memory_beam import in_memory_pipeline

    examples = [tf.train.Example.FromString(_scorer.example(row)) for row in ROWS]
    model = model_spec_pb2.SavedModelSpec(model_path=str(served.folder / "7"))
    spec = model_spec_pb2.InferenceSpecType(saved_model_spec=model)

    with in_memory_pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(examples)
            | RunInference(spec)
            | beam.Map(_keep, str(tmp_path))
        )

    found: dict[str, float] = {}
    for file in tmp_path.iterdir():
        found |= json.loads(file.read_text())
    assert len(found) == len(ROWS)
    scores = [found[str(row["request"])] for row in ROWS]
    np.testing.assert_allclose(scores, served.expected(ROWS), rtol=0, atol=2.4e-7)
