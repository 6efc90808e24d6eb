"""Runs the feature step on the examples of a pipeline run."""

import logging
import os
from typing import Any

import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils

from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.data_card import (
    is_of_files,
    record_counts,
    recorded_count,
)
from shardline.components.contracts.spans.files import SpanPart, load_span_files
from shardline.components.contracts.spans.plan import load_plan
from shardline.components.execution.beam_runners import Beam
from shardline.components.features.job import preprocess
from shardline.components.features.living.counting import counting_of_plan
from shardline.components.features.reading.sources import Examples, Source
from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files import LostRowsError, tfrecord_settings
from shardline.components.readers.files.read_settings import crosses_of, pairs_of
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Preprocessing

_log = logging.getLogger("shardline.features")


class Executor(BaseBeamExecutor):
    """Executor of FeatureTransform."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the transform graph and the transformed examples of each split.

        Args:
            input_dict: `examples`, and `plan` where data comes in spans.
            output_dict: `transform_graph`, `transformed_examples`, and with a plan
                `vocabularies`.
            exec_properties: as in FeatureTransformSpec.

        Raises:
            BadInputError: if an example does not fit the specification.
            LostRowsError: if not every example of the inputs was read and written.
            VocabularyError: if the vocabularies cannot be gone on from.
        """
        preprocessing = Preprocessing.model_validate_json(
            exec_properties["preprocessing"]
        )
        plan, counting, living = None, None, None
        if input_dict.get("plan"):
            plan = load_plan(artifact_utils.get_single_uri(input_dict["plan"]))
            preprocessing = preprocessing.with_living()
            counting = counting_of_plan(plan, preprocessing)
            living = artifact_utils.get_single_uri(output_dict["vocabularies"])
        columns = raw_columns(preprocessing, preprocessing.target)
        paired, crossed = (
            pairs_of(preprocessing, columns),
            crosses_of(preprocessing, columns),
        )
        of_files = all(is_of_files(artifact) for artifact in input_dict["examples"])
        settings = tfrecord_settings(
            columns, paired, crossed, must_have_columns=not of_files
        )
        transformed = artifact_utils.get_single_instance(
            output_dict["transformed_examples"]
        )
        sources = sources_of(input_dict["examples"])
        transformed.splits = sorted({source.split for source in sources})
        examples_utils.set_payload_format(
            transformed, example_gen_pb2.FORMAT_TF_EXAMPLE
        )
        folders = {
            split: artifact_utils.get_split_uri([transformed], split)
            for split in transformed.splits
        }
        graph = artifact_utils.get_single_uri(output_dict["transform_graph"])
        beside = os.path.join(os.path.dirname(os.path.dirname(graph)), "counts")
        analysis, done = preprocess(
            Examples(tuple(sources), settings),
            preprocessing,
            Beam(self._make_beam_pipeline, usable_cores()),
            graph=graph,
            outputs={"tfrecord": folders},
            cache=exec_properties["cache_folder"] or beside,
            counting=counting,
            living=living,
        )
        for table, changes in analysis.statistics.living.items():
            _log.info("vocabulary `%s`: %s", table, changes)
        for damage in analysis.damaged:
            _log.warning("counted again, for counts are damaged: %s", damage)
        for split, count in done.examples.items():
            _check(input_dict["examples"], split, count)
        record_counts(transformed, done.examples)
        if plan:
            for (artifact,) in output_dict.values():
                record_properties(artifact, {"spans": plan.spans})
        known = f", {len(analysis.reused)} spans counted before"
        _log.info(
            "%d examples analysed%s",
            analysis.statistics.examples,
            known if analysis.reused else "",
        )


def _check(examples: list[Artifact], split: str, count: int) -> None:
    """Raises if not every example that was recorded has been read and written."""
    recorded = recorded_count(examples, split)
    if recorded is not None and recorded != count:
        raise LostRowsError(
            f"Split '{split}': {recorded:,} examples were made of the raw data, and "
            f"{count:,} were found in its files and transformed."
        )


def sources_of(examples: list[Artifact]) -> list[Source]:
    """Returns the files of Examples artifacts.

    Each artifact is a span, unless it says itself which spans it holds.
    """
    sources = []
    for artifact in examples:
        spans = load_span_files(artifact.uri)
        if spans is not None:
            sources += [_source_of(artifact, part) for part in spans.parts]
            continue
        for split in artifact.splits:
            uri = artifact_utils.get_split_uri([artifact], split)
            files = tuple(sorted(tf.io.gfile.glob(f"{uri}/*")))
            sources.append(Source(split, files, artifact.uri))
    return sources


def _source_of(artifact: Artifact, part: SpanPart) -> Source:
    """Returns the files of a part of a span, known by what is in them."""
    folder = artifact_utils.get_split_uri([artifact], part.split)
    files = tuple(os.path.join(folder, name) for name in part.files)
    # Of a span, as many examples from its end on are the same ones.
    known_as = f"{part.profile.content} {part.planned.part} {part.examples}"
    return Source(part.split, files, str(part.planned), known_as)
