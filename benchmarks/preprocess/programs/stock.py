"""Stock TensorFlow Transform, as its documentation has it, on its faster path.

Record batches from end to end, in process on Beam's in-memory runner.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.public import tfxio

from benchmarks.preprocess.outputs import Outputs
from benchmarks.preprocess.program import measure
from benchmarks.preprocess.workload import (
    ID_FEATURES,
    IDS,
    LABEL,
    NUMBERS,
    PATTERN,
    RAGGED,
    ROW,
)

_FLOATS = [*NUMBERS, ROW, LABEL]


def preprocessing_fn(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Turns tokens into ids and numbers into z-scores."""
    outputs = {name: inputs[name] for name in (ROW, LABEL)}
    for name in ID_FEATURES:
        outputs[name] = tft.compute_and_apply_vocabulary(
            inputs[name], num_oov_buckets=1, vocab_filename=name
        )
    for name in NUMBERS:
        outputs[name] = tft.scale_to_z_score(inputs[name])
    return outputs


def run(data: Path, output: Path) -> None:
    """Preprocesses a folder of clicks."""
    spec: dict[str, Any] = {
        **{name: tf.io.FixedLenFeature([], tf.string) for name in IDS},
        **{name: tf.io.FixedLenFeature([], tf.float32) for name in _FLOATS},
        RAGGED: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    }
    source = tfxio.TFExampleRecord(
        str(data / PATTERN),
        schema=schema_utils.schema_from_feature_spec(spec),
        telemetry_descriptors=["StandaloneTFTransform"],
    )
    with (
        tempfile.TemporaryDirectory(dir=output.parent) as scratch,
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(temp_dir=scratch),
    ):
        raw = pipeline | "Read" >> source.BeamSource()
        dataset, transform_fn = (
            raw,
            source.TensorAdapterConfig(),
        ) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn, output_record_batches=True
        )
        _ = (
            dataset
            | "Encode" >> tft_beam.EncodeTransformedDataset()
            | "Write"
            >> beam.io.WriteToTFRecord(
                str(output / "transformed"), file_name_suffix=".gz"
            )
        )
        _ = transform_fn | tft_beam.WriteTransformFn(str(output / "transform"))


def outputs(output: Path) -> Outputs:
    """Returns what `run` wrote."""
    return Outputs(list(output.glob("transformed-*.gz")), output / "transform")


def main() -> None:
    """Measures the job."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--profile", type=Path)
    arguments = parser.parse_args()
    measure(
        lambda: run(arguments.data, arguments.output),
        ("tensorflow", "tensorflow-transform", "apache-beam"),
        arguments.profile,
    )


if __name__ == "__main__":
    main()
