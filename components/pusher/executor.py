"""Publishes the model if it was blessed, and records where."""

import logging
import os
from typing import Any

from tfx.components.util import model_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.local_copy import local_input
from components.pusher.publish import publish

_log = logging.getLogger("shardline.pusher")


class Executor(BaseExecutor):
    """Executor of Pusher."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Publishes, or says why not.

        Args:
            input_dict: `model`, `model_blessing`.
            output_dict: `pushed_model`.
            exec_properties: as in PusherSpec.
        """
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
        if not model_utils.is_model_blessed(blessing):
            _log.info("not published: the evaluator did not bless the model")
            pushed.set_int_custom_property("pushed", 0)
            return
        model = artifact_utils.get_single_instance(input_dict["model"])
        with local_input(path_utils.serving_model_path(model.uri)) as folder:
            destination = publish(folder, exec_properties["serving_dir"])
        _log.info("version %s is the one to serve", os.path.basename(destination))
        pushed.set_int_custom_property("pushed", 1)
        pushed.set_string_custom_property("pushed_destination", destination)
        pushed.set_string_custom_property(
            "pushed_version", os.path.basename(destination)
        )
        # The model itself lies at the destination and in the exporter's artifact.
        io_utils.write_string_file(
            os.path.join(pushed.uri, "destination.txt"), destination
        )
