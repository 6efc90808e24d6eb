"""Exports a checkpoint, and adds what travels with the model."""

import logging
import shutil
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from shardline.components.contracts.artifacts import hand_on_spans
from shardline.components.contracts.checkpoint_manifest import load_manifest
from shardline.components.contracts.data_card import load_data_card
from shardline.components.contracts.parity_examples import (
    EXAMPLES_FILE,
    model_parity,
    parity_folder,
)
from shardline.components.execution.local_copy import local_input, local_output
from shardline.components.exporter.model_card import card_of, write_card
from shardline.components.exporter.quantization.precisions import export_in_precisions
from shardline.components.exporter.serving_model import ServingModel
from shardline.components.exporter.warmup import write_warmup
from shardline.components.trainer.inputs import split_files
from shardline.configs.schema import Precision, Serving

_log = logging.getLogger("shardline.exporter")


class Executor(BaseExecutor):
    """Executor of Exporter."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Exports.

        Args:
            input_dict: `checkpoint`, `transform_graph`, `examples`.
            output_dict: `model`.
            exec_properties: as in ExporterSpec.
        """
        serving = Serving.model_validate_json(exec_properties["serving"])
        name = exec_properties["model_name"]
        trained = artifact_utils.get_single_instance(input_dict["checkpoint"])
        uri = trained.uri
        transform_output = tft.TFTransformOutput(
            artifact_utils.get_single_uri(input_dict["transform_graph"])
        )
        model = artifact_utils.get_single_instance(output_dict["model"])
        data_card = load_data_card(input_dict["examples"][0].uri)
        with (
            local_input(uri) as checkpoint,
            local_output(path_utils.serving_model_dir(model.uri)) as folder,
        ):

            def export(precisions: Mapping[str, Precision], folder: str) -> None:
                """Writes the model, its tables in these precisions, and its card."""
                served = ServingModel(checkpoint, transform_output, precisions)
                served.save(folder)
                card = card_of(
                    folder,
                    name,
                    served.table_rows,
                    checkpoint_folder=checkpoint,
                    checkpoint_uri=uri,
                    transform_output=transform_output,
                    serving=serving,
                    data=data_card.counts if data_card else None,
                )
                write_card(folder, card)

            _log.info("copying the checkpoint's rows into the model")
            manifest = load_manifest(checkpoint)
            examples = split_files(input_dict["examples"], "eval")
            export_in_precisions(export, folder, manifest, serving, examples)
            parity = parity_folder(checkpoint)
            shutil.copytree(parity, model_parity(folder))
            dataset = tf.data.TFRecordDataset(str(parity / EXAMPLES_FILE))
            serialized = list(dataset.as_numpy_iterator())
            write_warmup(folder, name, serialized, serving.warmup_requests)
        hand_on_spans(trained, model)
