"""Exports a checkpoint, adds what travels with the model, and checks its answers."""

import logging
import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.exporter.parity_gate import check_parity
from components.exporter.serving_model import ServingModel
from components.exporter.warmup import write_warmup
from components.local_copy import local_input, local_output
from components.parity import EXAMPLES_FILE, parity_folder
from configs.schema import Serving

_log = logging.getLogger("shardline.exporter")


class Executor(BaseExecutor):
    """Executor of Exporter."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Exports and checks.

        Args:
            input_dict: `checkpoint`, `transform_graph`.
            output_dict: `model`.
            exec_properties: as in ExporterSpec.

        Raises:
            ParityError: if the served model does not answer as the engine did.
        """
        serving = Serving.model_validate_json(exec_properties["serving"])
        checkpoint_uri = artifact_utils.get_single_uri(input_dict["checkpoint"])
        transform_output = tft.TFTransformOutput(
            artifact_utils.get_single_uri(input_dict["transform_graph"])
        )
        model = artifact_utils.get_single_instance(output_dict["model"])
        with (
            local_input(checkpoint_uri) as checkpoint,
            local_output(path_utils.serving_model_dir(model.uri)) as folder,
        ):
            _log.info("restoring the checkpoint into single tables")
            ServingModel(checkpoint, transform_output).save(folder)
            _add_extra_assets(
                Path(folder, "assets.extra"),
                parity_folder(checkpoint),
                exec_properties["model_name"],
                serving.warmup_requests,
            )
            _log.info("replaying the trainer's predictions in a fresh process")
            result = check_parity(folder, serving.max_difference)
        _log.info(
            "%d examples, largest difference to the trainer %.2g (allowed %.2g)",
            result.examples,
            result.max_difference,
            serving.max_difference,
        )
        model.set_int_custom_property("parity_examples", result.examples)
        # As text: ML Metadata keeps six decimals of a number.
        model.set_string_custom_property(
            "max_difference", f"{result.max_difference:.1e}"
        )


def _add_extra_assets(
    extra: Path, parity: Path, model_name: str, warmup_requests: int
) -> None:
    shutil.copytree(parity, extra / "parity")
    dataset = tf.data.TFRecordDataset(str(parity / EXAMPLES_FILE))
    requests = list(dataset.take(warmup_requests).as_numpy_iterator())
    write_warmup(extra, model_name, requests)
