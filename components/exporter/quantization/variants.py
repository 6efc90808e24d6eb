"""One checkpoint's model with its tables in several precisions, each measured once."""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from shardline.components.contracts.checkpoint_manifest import CheckpointManifest
from shardline.components.contracts.model_folder import loaded_bytes
from shardline.components.exporter.quantization.measurement import (
    Candidates,
    Measurement,
    measure,
)
from shardline.components.exporter.quantization.program import Trial
from shardline.components.exporter.table_files import TableRows
from shardline.configs.schema import Precision

_log = logging.getLogger("shardline.exporter")

Precisions: TypeAlias = Mapping[str, Precision]
Export: TypeAlias = Callable[[Precisions, str], None]


@dataclasses.dataclass(frozen=True)
class MeasuredVariant:
    """A model that was exported with its tables in certain precisions.

    Attributes:
        folder: the model folder.
        table_bytes: of its tables.
        model_bytes: of the files that a server loads.
        measurement: on the evaluation split.
    """

    folder: Path
    table_bytes: int
    model_bytes: int
    measurement: Measurement

    def increase(self, base: "MeasuredVariant") -> float:
        """Returns the relative increase of normalized entropy over another variant's.

        Args:
            base: the other one.
        """
        entropy = self.measurement.normalized_entropy
        return entropy / base.measurement.normalized_entropy - 1


class Variants:
    """Exports a model in the precisions it is asked for, and measures it.

    Attributes:
        trials: what came of the candidates, in the order in which they were tried.
    """

    def __init__(
        self,
        export: Export,
        scratch: str,
        manifest: CheckpointManifest,
        files: Sequence[str],
    ):
        """Exports nothing yet.

        Args:
            export: writes the model, tables in these precisions, to a folder.
            scratch: the folder for exports.
            manifest: the manifest of the checkpoint.
            files: the evaluation split's raw examples, gzipped TFRecords.
        """
        self.trials: list[Trial] = []
        self._export = export
        self._scratch = Path(scratch)
        self._manifest = manifest
        self._files = files
        self._measured: dict[tuple[Precision, ...], MeasuredVariant] = {}

    def all_in(self, precision: Precision) -> Precisions:
        """Returns one precision for every table."""
        return dict.fromkeys(sorted(self._manifest.rows), precision)

    def table_bytes(self, table: str, precision: Precision) -> int:
        """Returns the size of a table in a precision."""
        dim = self._manifest.feature_set.tables[table].dim
        return TableRows(table, self._manifest.rows[table], dim, precision).bytes

    def measure(
        self, precisions: Precisions, candidates: Candidates | None = None
    ) -> MeasuredVariant:
        """Exports and measures the model, unless that was done before.

        Args:
            precisions: the precisions of every table.
            candidates: further precisions to try; `precisions` are float32 then.

        Raises:
            MeasurementError: if quality cannot be measured.
            ValueError: if a table cannot be held in its precision.
        """
        key = tuple(precision for _, precision in sorted(precisions.items()))
        if key not in self._measured:
            held = " and ".join(sorted(set(precisions.values())))
            _log.info("exporting and measuring the model with tables as %s", held)
            folder = self._scratch / str(len(self._measured))
            self._export(precisions, str(folder))
            self._measured[key] = MeasuredVariant(
                folder=folder,
                table_bytes=sum(self.table_bytes(*item) for item in precisions.items()),
                model_bytes=sum(loaded_bytes(folder).values()),
                measurement=measure(
                    str(folder), self._files, self._manifest, candidates, self._record
                ),
            )
        return self._measured[key]

    def _record(self, trial: Trial) -> None:
        self.trials.append(trial)
        _log.info(
            "%s as %s: normalized entropy %+.4f %%, %s",
            trial.table,
            trial.precision,
            100 * trial.increase,
            "kept" if trial.kept else "too much",
        )
