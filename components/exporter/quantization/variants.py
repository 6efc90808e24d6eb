"""One checkpoint's model with its tables in different forms, each measured once."""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from shardline.components.contracts.checkpoint_manifest import Manifest
from shardline.components.exporter.quantization.weigh import Trial
from shardline.components.exporter.quantization.weighing import (
    Candidates,
    Weight,
    weigh,
)
from shardline.components.exporter.table_files import TableRows
from shardline.configs.schema import Form

_log = logging.getLogger("shardline.exporter")

Forms: TypeAlias = Mapping[str, Form]
Export: TypeAlias = Callable[[Forms, str], None]


@dataclasses.dataclass(frozen=True)
class Measured:
    """An exported model.

    Attributes:
        folder: where it lies.
        table_bytes: of its tables.
        model_bytes: of all its files, without `assets.extra`.
        weight: what was measured of it.
    """

    folder: Path
    table_bytes: int
    model_bytes: int
    weight: Weight

    def increase(self, base: "Measured") -> float:
        """Returns the relative increase of normalized entropy over another model's."""
        entropies = self.weight.normalized_entropy, base.weight.normalized_entropy
        return entropies[0] / entropies[1] - 1


class Variants:
    """Exports a model in the forms it is asked for, and measures it.

    Attributes:
        trials: what came of the candidates that were given.
    """

    def __init__(
        self, export: Export, scratch: str, manifest: Manifest, files: Sequence[str]
    ):
        """Makes nothing yet.

        Args:
            export: writes the model, tables in these forms, to a folder.
            scratch: the folder for exports.
            manifest: of the checkpoint.
            files: the evaluation split's raw examples, gzipped TFRecords.
        """
        self.trials: list[Trial] = []
        self._export = export
        self._scratch = Path(scratch)
        self._manifest = manifest
        self._files = files
        self._measured: dict[tuple[Form, ...], Measured] = {}

    def all_in(self, form: Form) -> Forms:
        """Returns forms with which every table is held alike."""
        return dict.fromkeys(sorted(self._manifest.rows), form)

    def table_bytes(self, table: str, form: Form) -> int:
        """Returns the size of a table in a form."""
        dim = self._manifest.features.tables[table].dim
        return TableRows(table, self._manifest.rows[table], dim, form).bytes

    def measure(self, forms: Forms, candidates: Candidates | None = None) -> Measured:
        """Exports and measures, unless that was done.

        Args:
            forms: of every table.
            candidates: further forms to try; `forms` are float32 then.

        Raises:
            WeighingError: if quality cannot be measured.
            ValueError: if a table cannot be held in its form.
        """
        key = tuple(form for _, form in sorted(forms.items()))
        if key not in self._measured:
            held = " and ".join(sorted(set(forms.values())))
            _log.info("exporting and measuring the model with tables as %s", held)
            folder = self._scratch / str(len(self._measured))
            self._export(forms, str(folder))
            self._measured[key] = Measured(
                folder=folder,
                table_bytes=sum(self.table_bytes(*item) for item in forms.items()),
                model_bytes=_model_bytes(folder),
                weight=weigh(
                    str(folder), self._files, self._manifest, candidates, self._tried
                ),
            )
        return self._measured[key]

    def _tried(self, trial: Trial) -> None:
        self.trials.append(trial)
        _log.info(
            "%s as %s: normalized entropy %+.4f %%, %s",
            trial.table,
            trial.form,
            100 * trial.increase,
            "kept" if trial.kept else "too much",
        )


def _model_bytes(folder: Path) -> int:
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "assets.extra"
    )
