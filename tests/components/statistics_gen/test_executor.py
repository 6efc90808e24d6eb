"""StatisticsGen gives what TFX's own gives, and checks that nothing was lost."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from shardline_tests import load
from tfx.components.statistics_gen import executor as of_tfx
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts

# isort: split
import tensorflow as tf
from tfx.components.util import examples_utils

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.files import LostRowsError
from shardline.components.statistics_gen.executor import Executor

assert_equal = load("components/equal_but_rounding.py").assert_equal
COUNTS = {"train": 40, "eval": 7}


def example(number: int) -> tf.train.Example:
    made = tf.train.Example()
    feature = made.features.feature
    feature["item"].bytes_list.value.append(b"i%d" % (number % 5))
    feature["history"].int64_list.value.extend(range(number % 4))
    if number % 3:
        feature["price"].float_list.value.append(number / 7)
    return made


@pytest.fixture
def examples(tmp_path: Path) -> Any:
    """Examples in two files a split."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    artifact.splits = list(COUNTS)
    artifact.span = 3
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    for split, count in COUNTS.items():
        artifact.set_int_custom_property(f"examples_{split}", count)
        folder = artifact_utils.get_split_uri([artifact], split)
        os.makedirs(folder)
        for half in range(2):
            with tf.io.TFRecordWriter(f"{folder}/part-{half}.gz", "GZIP") as writer:
                for number in range(half, count, 2):
                    writer.write(example(number).SerializeToString())
    return artifact


def run(kind: Any, examples: Any, folder: Path) -> Any:
    """Runs an executor, and gives its statistics."""
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(folder)
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=in_memory_pipeline)
    kind(context).Do({"examples": [examples]}, {"statistics": [statistics]}, {})
    return statistics


def test_statistics_are_those_of_tfx(examples: Any, tmp_path: Path) -> None:
    own = run(Executor, examples, tmp_path / "own")
    stock = run(of_tfx.Executor, examples, tmp_path / "stock")

    assert json.loads(own.split_names) == list(COUNTS)
    assert own.span == stock.span == 3
    for split, count in COUNTS.items():
        found, expected = (
            stats_artifact_utils.load_statistics(one, split).proto()
            for one in (own, stock)
        )
        assert found.datasets[0].num_examples == count
        assert_equal(MessageToDict(found), MessageToDict(expected))


def test_lost_examples_are_an_error(examples: Any, tmp_path: Path) -> None:
    examples.set_int_custom_property("examples_eval", 8)

    with pytest.raises(LostRowsError, match="'eval': 8 examples were written, and the"):
        run(Executor, examples, tmp_path / "own")
