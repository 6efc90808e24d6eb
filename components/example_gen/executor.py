"""Runs a reader in Beam and writes each split as gzipped TFRecords of tf.Example."""

import json
import logging
import os
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam import coders
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.iobase import Write
from apache_beam.io.tfrecordio import _TFRecordSink
from apache_beam.transforms import combiners
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from shardline.components.contracts.data_card import (
    DataCard,
    data_card_of,
    save_data_card,
)
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.contracts.erasures.reading import ReadErasure, left_over
from shardline.components.execution.import_path import construct
from shardline.components.execution.worker_reports import WriteReports, read_reports
from shardline.components.readers.example_reader import TellsWhyEmpty
from shardline.components.readers.files import LostRowsError, refuse
from shardline.components.readers.files.beam_reader import FileReader
from shardline.components.readers.files.judging.unit_reports import merge_reports
from shardline.components.remote.access import check_writable

_log = logging.getLogger("shardline.examples")
# What the Trainer's shuffle holds, so that it mixes a file as a whole.
_EXAMPLES_OF_A_FILE = 100_000


class Executor(BaseBeamExecutor):
    """Executor of ReaderExampleGen."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads, and writes one folder of records for each split.

        Args:
            input_dict: unused.
            output_dict: `examples`.
            exec_properties: as in ReaderExampleGenSpec.

        Raises:
            AccessError: if outputs, or models, could not be written on a platform.
            BadInputError: if something in files is bad and not to be skipped.
            LostRowsError: if not every row that was read came out.
            TombstonesError: if it cannot be told what was erased.
            ValueError: if the reader refuses the data or leaves a split empty.
        """
        artifact = artifact_utils.get_single_instance(output_dict["examples"])
        may_leave_out = ReadErasure.model_validate_json(exec_properties["erasure"])
        if may_leave_out.serving_dir:
            check_writable([artifact.uri, may_leave_out.serving_dir])
        erasure = may_leave_out.now(artifact.uri)
        reader = construct(
            exec_properties["reader"], json.loads(exec_properties["options"])
        )
        path = exec_properties["path"]
        report_file = os.path.join(artifact.uri, "reports.json")
        tf.io.gfile.makedirs(artifact.uri)
        with self._make_beam_pipeline() as root:
            if isinstance(reader, FileReader):
                splits, of_files = reader.read(root, path)
                lines = [of_files]
            else:
                splits, lines = reader.examples(root, path), []
            artifact.splits = list(splits)
            for split, examples in splits.items():
                folder = artifact_utils.get_split_uri([artifact], split)
                lines.extend(_write(examples, split, folder, erasure))
            _ = lines | beam.Flatten() | "WriteReports" >> WriteReports(report_file)
        reports = read_reports(report_file)
        tf.io.gfile.remove(report_file)
        counts = _counts(reports, list(splits))
        erased = {
            one["erased_of"]: one["count"] for one in reports if "erased_of" in one
        }
        data_card = DataCard(examples=counts, erased=sum(erased.values()))
        if isinstance(reader, FileReader):
            data_card = _data_card(reports, counts, erased, reader, path)
            data_card = data_card.without_erased(erasure)
        _refuse_empty(counts, reader, path)
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        save_data_card(artifact, data_card)
        _tell(data_card)


def _counts(reports: list[dict[str, Any]], splits: list[str]) -> dict[str, int]:
    """Returns how many examples the reader gave, by split."""
    counts = {one["split"]: one["examples"] for one in reports if "split" in one}
    if lost := set(splits) - set(counts):
        raise LostRowsError(
            f"No worker told how many examples split '{min(lost)}' has: the runner has "
            "lost it."
        )
    return {split: counts[split] for split in splits}


def _data_card(
    reports: list[dict[str, Any]],
    counts: dict[str, int],
    erased: dict[str, int],
    reader: FileReader,
    path: str,
) -> DataCard:
    """Returns what became of files, after checking that all rows came out."""
    bad, tally = merge_reports(report for report in reports if "tally" in report)
    refuse(tally, bad, reader.files(path), reader.settings)
    for split, count in counts.items():
        read = sum(given.get(split, 0) for given in tally.given.values())
        if read != count + erased.get(split, 0):
            raise LostRowsError(
                f"Split '{split}': {read:,} examples were read of its files, "
                f"{count:,} came out and {erased.get(split, 0):,} were erased."
            )
    return data_card_of(
        counts,
        tally,
        bad,
        path,
        sum(erased.values()),
        reader.settings.located(path).joins,
    )


def _tell(data_card: DataCard) -> None:
    counts = ", ".join(f"{n:,} {split}" for split, n in data_card.examples.items())
    _log.info("%s examples", counts)
    for line in data_card.lines:
        _log.info("%s", line)


def _write(
    examples: Any, split: str, folder: str, erasure: Erasure | None
) -> list[Any]:
    """Writes a split; returns how many examples it has, and lost, as lines of JSON."""
    examples = examples | f"Serialize[{split}]" >> beam.Map(_serialized)
    lines = []
    if erasure:
        examples, dropped, _ = left_over(examples, erasure, split)
        lines.append(
            dropped
            | f"CountErased[{split}]" >> combiners.Count.Globally()
            | f"TellErased[{split}]" >> beam.Map(_erased_report, split)
        )
    _ = examples | f"Write[{split}]" >> Write(
        _Files(os.path.join(folder, "data_tfrecord"))
    )
    return [
        *lines,
        examples
        | f"Count[{split}]" >> combiners.Count.Globally()
        | f"Tell[{split}]" >> beam.Map(_count_report, split),
    ]


class _Files(_TFRecordSink):
    """Files of so many examples at most, where Beam itself writes one for each bundle.

    Later steps divide the files among their workers.
    """

    def __init__(self, prefix: str):
        super().__init__(  # type: ignore[no-untyped-call]
            prefix,
            coders.BytesCoder(),
            file_name_suffix=".gz",
            num_shards=0,
            shard_name_template=None,
            compression_type=CompressionTypes.AUTO,
        )
        self.max_records_per_shard = _EXAMPLES_OF_A_FILE


def _serialized(example: Any) -> bytes:
    """Returns the bytes of an example that a reader gave, serialized or not."""
    if isinstance(example, bytes):
        return example
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _count_report(count: int, split: str) -> str:
    return json.dumps({"split": split, "examples": count})


def _erased_report(count: int, split: str) -> str:
    return json.dumps({"erased_of": split, "count": count})


def _refuse_empty(counts: dict[str, int], reader: Any, path: str) -> None:
    for split, count in counts.items():
        if not count:
            tells = isinstance(reader, TellsWhyEmpty)
            why = reader.why_empty(path, split) if tells else ""
            raise ValueError(
                f"Split '{split}' is empty: the reader gave it no example. "
                f"{why or 'Change how it splits, or the data.'}"
            )
