"""Computes the statistics of each split of examples."""

import os
from typing import Any

import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils

from shardline.components.contracts.data_card import recorded_count
from shardline.components.contracts.example_statistics import (
    STATISTICS_FILE,
    ComputeStatistics,
    counted_examples,
)
from shardline.components.readers.files import LostRowsError


class Executor(BaseBeamExecutor):
    """Executor of StatisticsGen."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the statistics of each split.

        Args:
            input_dict: `examples`.
            output_dict: `statistics`.
            exec_properties: as in StatisticsGenSpec.

        Raises:
            LostRowsError: if statistics are not of all examples.
        """
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        statistics.splits = examples.splits
        statistics.span = examples.span
        written = {
            split: artifact_utils.get_split_uri([statistics], split)
            for split in examples.splits
        }
        with self._make_beam_pipeline() as root:
            for split, folder in written.items():
                tf.io.gfile.makedirs(folder)
                uri = artifact_utils.get_split_uri([examples], split)
                files = sorted(tf.io.gfile.glob(os.path.join(uri, "*")))
                path = os.path.join(folder, STATISTICS_FILE)
                _ = root | f"Compute[{split}]" >> ComputeStatistics(files, path)
        for split, folder in written.items():
            counted = counted_examples(folder)
            expected = recorded_count([examples], split)
            if expected not in (None, counted):
                raise LostRowsError(
                    f"Split '{split}': {expected:,} examples were written, and the "
                    f"statistics are of {counted:,}."
                )
