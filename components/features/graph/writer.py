"""Writes the transform graph in TensorFlow Transform's layout."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper
from tensorflow_transform.tf_metadata import metadata_io, schema_utils
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from shardline.components.contracts.file_record import record_files
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.graph.derived import DerivedColumns
from shardline.components.features.graph.preprocessing import transformed_columns
from shardline.components.features.graph.raw_adapter import RawAdapter
from shardline.components.features.graph.raw_checks import checked_numbers
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.single_values import as_lists, as_values
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Preprocessing

# Of the specification that a graph was made from, beside it.
SPECIFICATION = "specification.json"
# The record of all other files of a graph; written last.
GRAPH_FILES = "files.json"

_ASSETS = os.path.join(tft.TFTransformOutput.TRANSFORM_FN_DIR, "assets")


def write_transform_graph(
    folder: str,
    preprocessing: Preprocessing,
    statistics: FeatureStatistics,
    vocabularies: str,
    derived: str | None = None,
) -> None:
    """Makes the graph and writes it where `tft.TFTransformOutput` reads it.

    Args:
        folder: the folder to write.
        preprocessing: the features, numbers and tables to preprocess.
        statistics: of the training examples; written beside the graph, as
            `preprocessing` is.
        vocabularies: folder with a file of tokens for each table that has one.
        derived: folder of the graph of the user's own function, if there is one.

    Raises:
        ValueError: if that function has a vocabulary named as a table.
    """
    raw = raw_columns(preprocessing, preprocessing.target)
    schema = example_schema(raw)
    tables = sorted(statistics.vocabularies)

    def preprocessing_fn(columns: dict[str, Any]) -> dict[str, Any]:
        derived_columns: dict[str, Any] = {}
        if preprocessing.derived and derived:
            function = tft.make_and_track_object(
                lambda: DerivedColumns(derived), "derived"
            )
            inputs = {name: columns[name] for name in preprocessing.derived.inputs}
            derived_columns = function(as_lists(inputs, preprocessing.derived.inputs))
        # Not those of the target, which a served request has not.
        checked = checked_numbers(as_values(columns, raw), raw_columns(preprocessing))
        return transformed_columns(
            checked | derived_columns, preprocessing, statistics, stand_ins
        )

    # To make the graph loads its vocabularies; one line each does, for the real files
    # take its place.
    with tempfile.TemporaryDirectory() as stand_ins:
        for table in tables:
            Path(stand_ins, table).write_text("token\n")
        write_graph_without_analyzers(folder, preprocessing_fn, schema)
    if derived and preprocessing.derived:
        _refuse_shared_names(derived, tables, preprocessing.derived.function)
    for table in tables:
        asset = os.path.join(folder, _ASSETS, table)
        tf.io.gfile.copy(os.path.join(vocabularies, table), asset, overwrite=True)
    metadata_io.write_metadata(
        DatasetMetadata(schema),
        os.path.join(folder, tft.TFTransformOutput.RAW_METADATA_DIR),
    )
    statistics.save(folder)
    with tf.io.gfile.GFile(os.path.join(folder, SPECIFICATION), "w") as file:
        file.write(preprocessing.model_dump_json(indent=2))
    record = record_files(folder)
    with tf.io.gfile.GFile(os.path.join(folder, GRAPH_FILES), "w") as file:
        file.write(record.to_json())


def _refuse_shared_names(derived: str, tables: Sequence[str], function: str) -> None:
    """Refuses a vocabulary of the user's own that has the name of a table's.

    Raises:
        ValueError: if there is one.
    """
    assets = os.path.join(derived, _ASSETS)
    own_files = (
        set(tf.io.gfile.listdir(assets)) if tf.io.gfile.exists(assets) else set()
    )
    if shared := sorted(own_files & set(tables)):
        raise ValueError(
            f"derived: `{function}` makes a vocabulary `{shared[0]}`, which is a "
            "table's name too. Give it another `vocab_filename`."
        )


def write_graph_without_analyzers(
    folder: str, preprocessing_fn: Any, schema: schema_pb2.Schema
) -> None:
    """Traces a function of raw columns and writes it, without looking at data.

    Args:
        folder: the folder to write.
        preprocessing_fn: maps tensors by column to others.
        schema: the schema of the raw columns.

    Raises:
        RuntimeError: if the function uses an analyzer.
    """
    impl_helper.analyze_in_place(
        preprocessing_fn,
        force_tf_compat_v1=False,
        feature_specs=schema_utils.schema_as_feature_spec(schema).feature_spec,
        type_specs=RawAdapter(schema).type_specs,
        transform_output_path=folder,
    )
