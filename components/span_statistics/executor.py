"""Computes the statistics of each span once, and keeps them for later runs.

<content>-<part>-<examples>/     in the store: of a part of a span
    FeatureStats.pb              as TFX's StatisticsGen writes it
    whole.json                   the record of it; written last
"""

import contextlib
import logging
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils

from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.example_statistics import (
    STATISTICS_FILE,
    ComputeStatistics,
    counted_examples,
)
from shardline.components.contracts.file_record import damage_by, record_files
from shardline.components.contracts.spans.files import SpanPart, load_span_files
from shardline.components.contracts.text_file import write_text
from shardline.components.readers.files import LostRowsError
from shardline.components.span_examples.store import new_folder

_log = logging.getLogger("shardline.examples")

_STORE = "spans"
_WHOLE_FILE = "whole.json"


class _ToCompute(NamedTuple):
    """Statistics that are not there yet.

    Attributes:
        part: of a span.
        files: its examples.
        kept: the folder of the statistics once they are whole.
        written: the folder that they are written to.
    """

    part: SpanPart
    files: list[str]
    kept: str
    written: str


class Executor(BaseBeamExecutor):
    """Executor of SpanStatistics."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the statistics of each part of a span, as a split of its name.

        Args:
            input_dict: `examples`.
            output_dict: `statistics`.
            exec_properties: as in SpanStatisticsSpec.

        Raises:
            LostRowsError: if statistics are not of all examples.
            ValueError: if the examples do not come in spans.
        """
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        spans = load_span_files(examples.uri)
        if spans is None:
            raise ValueError(
                f"{examples.uri} says nothing of spans. Compute its statistics with "
                "StatisticsGen."
            )
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        beside = os.path.dirname(os.path.dirname(statistics.uri))
        store = exec_properties["store"] or os.path.join(beside, _STORE)
        folders = {
            _split_name(part): os.path.join(store, _name(part)) for part in spans.parts
        }
        with contextlib.ExitStack() as stack:
            missing = [
                _ToCompute(
                    part,
                    [
                        os.path.join(
                            artifact_utils.get_split_uri([examples], part.split), name
                        )
                        for name in part.files
                    ],
                    folder,
                    stack.enter_context(new_folder(folder)),
                )
                for part in spans.parts
                for folder in [folders[_split_name(part)]]
                if _is_missing(folder)
            ]
            self._compute(missing)
        _copy(folders, statistics)
        told = examples.get_string_custom_property("spans")
        record_properties(statistics, {"spans": told})
        new = ", ".join(_split_name(one.part) for one in missing)
        _log.info("statistics computed of: %s", new or "nothing new")

    def _compute(self, missing: list[_ToCompute]) -> None:
        if not missing:
            return
        with self._make_beam_pipeline() as root:
            for one in missing:
                name = _split_name(one.part)
                path = os.path.join(one.written, STATISTICS_FILE)
                _ = root | f"Compute[{name}]" >> ComputeStatistics(one.files, path)
        for one in missing:
            _keep(one)


def _split_name(part: SpanPart) -> str:
    """Returns the name of a split that is a part of a span, as TFX allows names."""
    return str(part.planned).translate(str.maketrans("/.", "--"))


def _name(part: SpanPart) -> str:
    return f"{part.profile.content}-{part.planned.part}-{part.examples}"


def _is_missing(folder: str) -> bool:
    if not tf.io.gfile.exists(folder):
        return True
    damage = damage_by(_WHOLE_FILE, folder)
    if damage:
        _log.warning("computed again, for statistics are damaged: %s", damage)
    return damage != ""


def _keep(one: _ToCompute) -> None:
    """Gives whole statistics their place in the store."""
    counted = counted_examples(one.written)
    if counted != one.part.examples:
        raise LostRowsError(
            f"Span {one.part.planned}: {one.part.examples:,} examples were written, "
            f"and the statistics are of {counted:,}."
        )
    record = record_files(one.written)
    write_text(one.written, _WHOLE_FILE, record.to_json())
    _remove(one.kept)
    tf.io.gfile.rename(one.written, one.kept)


def _copy(folders: Mapping[str, str], statistics: Any) -> None:
    """Makes a split of each span of the artifact."""
    statistics.splits = list(folders)
    for split, folder in folders.items():
        uri = artifact_utils.get_split_uri([statistics], split)
        tf.io.gfile.makedirs(uri)
        tf.io.gfile.copy(
            os.path.join(folder, STATISTICS_FILE),
            os.path.join(uri, STATISTICS_FILE),
            overwrite=True,
        )


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
