"""Gives a run the examples of its spans; those that are new to the store are read."""

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils

from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.data_card import DataCard, save_data_card
from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.contracts.spans.files import SpanFiles, SpanPart
from shardline.components.contracts.spans.plan import PlannedSpan, SpanPlan, load_plan
from shardline.components.execution.import_path import construct
from shardline.components.readers.span_reader import FoundSpan, SpanReader
from shardline.components.span_examples.examination import Asked
from shardline.components.span_examples.reading import Reading, read_spans
from shardline.components.span_examples.store import (
    StoredSpan,
    damage_of,
    link,
    load_stored,
)
from shardline.configs.features import Target

_log = logging.getLogger("shardline.examples")

_STORE = "spans"


class SpanTwiceError(ValueError):
    """Two spans with the same examples: one of them is another one's data."""


class Executor(BaseBeamExecutor):
    """Executor of SpanExamples."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads spans that are not in the store, and links all into the artifact.

        Args:
            input_dict: `plan`.
            output_dict: `examples`.
            exec_properties: as in SpanExamplesSpec.

        Raises:
            BadInputError: if something in files is bad and not to be skipped.
            LostRowsError: if not every row that was read came out.
            SpanTwiceError: if two spans have the same examples.
            TombstonesError: if it cannot be told what was erased.
            ValueError: if nothing is due, or the reader refuses the data.
        """
        plan = load_plan(artifact_utils.get_single_uri(input_dict["plan"]))
        if not plan.is_due:
            raise ValueError(f"Nothing is due to be read: {plan.waits_for}")
        artifact = artifact_utils.get_single_instance(output_dict["examples"])
        tf.io.gfile.makedirs(artifact.uri)
        beside = os.path.dirname(os.path.dirname(artifact.uri))
        store = exec_properties["store"] or os.path.join(beside, _STORE)
        parts = [("train", span) for span in plan.train]
        parts += [("eval", plan.evaluate)] if plan.evaluate else []
        folders = {
            _found(span): os.path.join(store, _name(span, exec_properties))
            for _, span in parts
        }
        self._read(_missing(folders), artifact.uri, exec_properties)
        stored = {found: load_stored(folders[found]) for found in folders}
        _refuse_twice(list(stored.values()), plan)
        artifact.splits = ["train", "eval"] if plan.evaluate else ["train"]
        files = SpanFiles(
            parts=tuple(
                _linked(artifact, split, span, stored[_found(span)], folders)
                for split, span in parts
            )
        )
        files.save(artifact.uri)
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        data_card = _data_card(files, list(stored.values()))
        save_data_card(artifact, data_card)
        told = {"spans": plan.spans}
        if plan.evaluate:
            told["evaluated_on"] = str(plan.evaluate)
        record_properties(artifact, told)
        for part in files.parts:
            _log.info(
                "%s: span %s, %d examples", part.split, part.planned, part.examples
            )
        for line in data_card.lines:
            _log.info("%s", line)

    def _read(
        self, missing: Mapping[FoundSpan, str], uri: str, properties: Mapping[str, Any]
    ) -> None:
        if not missing:
            return
        reader = construct(properties["reader"], json.loads(properties["options"]))
        if not isinstance(reader, SpanReader):
            raise ValueError(
                f"Reader `{properties['reader']}` tells no spans. Give it the methods "
                "of `components.readers.span_reader.SpanReader`, or leave out "
                "`data.spans`."
            )
        target = Target.model_validate_json(properties["target"])
        reading = Reading(
            reader,
            properties["path"],
            Asked(
                target.label, target.example_weight, properties["time_column"] or None
            ),
            properties["held_out"],
            ReadErasure.model_validate_json(properties["erasure"]).now(uri),
        )
        for folder in missing.values():
            tf.io.gfile.makedirs(os.path.dirname(folder))
        report_file = os.path.join(uri, "reports.json")
        read_spans(missing, reading, self._make_beam_pipeline, report_file)
        _log.info("read: %s", ", ".join(span.span for span in missing))


def _found(span: PlannedSpan) -> FoundSpan:
    return FoundSpan(span.span, span.version, span.digest)


def _name(span: PlannedSpan, properties: Mapping[str, Any]) -> str:
    """Returns the name of a span's folder, which tells how it is read, too."""
    key = [
        span.digest,
        *(properties[name] for name in ("reader", "options", "target", "time_column")),
        *(repr(properties["held_out"]), properties["code_version"]),
    ]
    digest = hashlib.sha256("\n".join(key).encode()).hexdigest()[:16]
    return f"{span.span}-v{span.version}-{digest}"


def _missing(folders: Mapping[FoundSpan, str]) -> dict[FoundSpan, str]:
    """Returns the spans that are not in the store, or not whole."""
    missing = {}
    for found, folder in folders.items():
        damage = damage_of(folder)
        if damage:
            _log.warning("read again, for what was read is damaged: %s", damage)
        if damage != "":
            missing[found] = folder
    return missing


def _refuse_twice(stored: Sequence[StoredSpan], plan: SpanPlan) -> None:
    """Refuses spans that have the examples of another one, now or in earlier runs."""
    by_content: dict[str, str] = {}
    for known, profile in plan.history.items():
        by_content[profile.content] = known.partition("/")[0].partition(".")[0]
    for span in stored:
        other = by_content.setdefault(span.profile.content, span.span)
        if other != span.span:
            raise SpanTwiceError(
                f"Span {span.span} has the very {span.profile.examples:,} examples of "
                f"span {other}. Write the right data for one of them, or leave it out "
                "(`shardline spans`)."
            )


def _linked(
    artifact: Artifact,
    split: str,
    span: PlannedSpan,
    stored: StoredSpan,
    folders: Mapping[FoundSpan, str],
) -> SpanPart:
    """Makes the files of a span be in a split, too."""
    part = stored.files_of(span.part)
    if not part.examples:
        raise ValueError(
            f"Span {span.span} has no {span.part}: all its examples are of one time. "
            "Set `evaluation.on: next_span`, or take longer spans."
        )
    folder = artifact_utils.get_split_uri([artifact], split)
    tf.io.gfile.makedirs(folder)
    names = []
    for file in part.files:
        names.append(f"{span.span}.v{span.version}.{file}")
        source = os.path.join(folders[_found(span)], file)
        link(source, os.path.join(folder, names[-1]))
    return SpanPart(
        planned=span,
        split=split,
        files=tuple(names),
        examples=part.examples,
        profile=stored.profile,
    )


def _data_card(files: SpanFiles, stored: Sequence[StoredSpan]) -> DataCard:
    """Returns what became of the raw data of all spans, each of which counts once."""
    cards = [span.data_card for span in stored]
    examples: dict[str, int] = {}
    for part in files.parts:
        examples[part.split] = examples.get(part.split, 0) + part.examples
    told = [card.rows for card in cards if card.rows is not None]
    return DataCard(
        examples=examples,
        rows=sum(told) if len(told) == len(cards) else None,
        left_out=sum(card.left_out for card in cards),
        reasons=_sums(card.reasons for card in cards),
        erased=sum(card.erased for card in cards),
        bad_files={k: v for card in cards for k, v in card.bad_files.items()},
        empty_files=sorted({file for card in cards for file in card.empty_files}),
        without_row=_sums(card.without_row for card in cards),
        side_files=_digests(cards),
        lines=[line for card in cards for line in card.lines],
    )


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for one in counts:
        sums.update(one)
    return dict(sums)


def _digests(cards: Iterable[DataCard]) -> dict[str, str]:
    """Returns the digests of side files by join, of each span that has another."""
    digests: dict[str, list[str]] = {}
    for card in cards:
        for join, digest in card.side_files.items():
            digests.setdefault(join, []).append(digest)
    return {join: ", ".join(dict.fromkeys(every)) for join, every in digests.items()}
