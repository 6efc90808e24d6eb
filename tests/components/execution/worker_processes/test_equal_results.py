"""Statistics and metrics of worker processes are those of one process.

Sums of floats are added up in another order, which may change their last digit.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shardline_tests import load
from tfx import v1  # noqa: F401  TFDV does not load before it

# isort: split
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
from google.protobuf.json_format import MessageToDict
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

from shardline.components.contracts.example_statistics import ComputeStatistics
from shardline.components.evaluation import tfma_grouped, tfma_metrics
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.execution.worker_processes.number import worker_options

assert_equal = load("components/equal_but_rounding.py").assert_equal
pytestmark = [pytest.mark.orchestration, pytest.mark.slow, pytest.mark.timeout(600)]
FILES, EXAMPLES = 4, 100


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files of examples with lists, numbers, missing values, labels and scores."""
    folder = tmp_path_factory.mktemp("examples")
    rng = np.random.default_rng(1)
    paths = [str(folder / f"part-{number}.gz") for number in range(FILES)]
    for path in paths:
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for _ in range(EXAMPLES):
                writer.write(example(rng).SerializeToString())
    return paths


def example(rng: np.random.Generator) -> tf.train.Example:
    label = float(rng.random() < 0.3)
    made = tf.train.Example()
    feature = made.features.feature
    feature["item"].bytes_list.value.append(b"i%d" % (rng.zipf(1.3) % 50))
    feature["history"].int64_list.value.extend(rng.integers(0, 9, rng.integers(0, 6)))
    if rng.random() < 0.9:
        feature["price"].float_list.value.append(rng.gamma(2, 10))
    feature["label"].float_list.value.append(label)
    feature["scores"].float_list.value.append((rng.random() + label) / 2)
    return made


def test_statistics_are_equal(files: list[str], tmp_path: Path) -> None:
    one, two = (_statistics(files, tmp_path, workers) for workers in (1, 2))

    assert one.datasets[0].num_examples == FILES * EXAMPLES
    assert_equal(MessageToDict(two), MessageToDict(one))


def test_metrics_are_equal(files: list[str], tmp_path: Path) -> None:
    one, two = (_metrics(files, tmp_path / str(workers), workers) for workers in (1, 2))

    assert {"auc", "grouped_auc", "example_count"} <= one.keys()
    assert_equal(two, one)


def _statistics(
    files: list[str], folder: Path, workers: int
) -> statistics_pb2.DatasetFeatureStatisticsList:
    path = str(folder / f"{workers}.pb")
    with in_memory_pipeline(worker_options(workers)) as root:
        _ = root | ComputeStatistics(files, path)
    found = tfdv.load_stats_binary(path)
    # In the order of a set of names, which is another one in each process.
    found.datasets[0].features.sort(key=lambda feature: feature.path.step[0])
    return found


def _metrics(files: list[str], folder: Path, workers: int) -> dict[str, Any]:
    own = [
        tfma.MetricConfig(class_name=name, module=tfma_metrics.__name__)
        for name in ("ExactAUC", "NormalizedEntropy", "ExactCalibration")
    ]
    grouped = tfma.MetricConfig(
        class_name="GroupedAUC",
        module=tfma_grouped.__name__,
        config='{"group_by": "item"}',
    )
    count = tfma.MetricConfig(class_name="ExampleCount")
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="label", prediction_key="scores")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=[*own, grouped, count])],
    )
    records = TFExampleRecord(
        files,
        raw_record_column_name=tfma.constants.ARROW_INPUT_COLUMN,
        telemetry_descriptors=["test"],
    )
    with in_memory_pipeline(worker_options(workers)) as root:
        _ = (
            root
            | records.BeamSource()
            | tfma.ExtractEvaluateAndWriteResults(
                eval_config=config, output_path=str(folder)
            )
        )
    result: dict[str, Any] = tfma.load_eval_result(str(folder)).get_metrics_for_slice()
    return result
