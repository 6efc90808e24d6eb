"""Exports a model with its tables in the lowest precisions that its quality allows.

A model that is asked for float32 tables only is exported, and that is all. For any
other one the price is measured: normalized entropy on the whole evaluation split,
relative to the same model with float32 tables.

`auto` tables are chosen one after another, those first that save most bytes. Each
gets the lowest precision with which the whole model stays within
`serving.max_entropy_increase`, given what was chosen before. That is a pass over the
split for each trial, one or two a table. The model is then exported in these precisions
and measured itself. Should it not hold the budget after all, for sums are rounded
otherwise there, the tables chosen last go back to float32 until it does. Tables that
are asked for in a certain precision keep it, whatever it costs: the validator decides
on that.
"""

import logging
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from shardline.components.contracts.checkpoint_manifest import CheckpointManifest
from shardline.components.contracts.precision_report import (
    PrecisionReport,
    TriedPrecision,
    Variant,
)
from shardline.components.execution.local_copy import local_files
from shardline.components.exporter.quantization.measurement import Candidates
from shardline.components.exporter.quantization.program import Trial
from shardline.components.exporter.quantization.side_by_side import side_by_side
from shardline.components.exporter.quantization.variants import (
    Export,
    MeasuredVariant,
    Precisions,
    Variants,
)
from shardline.configs.schema import Precision, PrecisionChoice, Serving

_log = logging.getLogger("shardline.exporter")

_PRECISIONS: tuple[Precision, ...] = get_args(Precision)
_CHOSEN = "chosen"


def export_in_precisions(
    export: Export,
    folder: str,
    manifest: CheckpointManifest,
    serving: Serving,
    files: Sequence[str],
) -> None:
    """Exports a model with its tables as they are asked for, and measures the price.

    A few exports lie beside the folder for a while, at most two and a half times as
    large as the one of float32 tables.

    Args:
        export: writes the model, its tables in these precisions, to a folder.
        folder: where to; absent or empty.
        manifest: the manifest of the checkpoint.
        serving: the precisions asked for, and the budget of `auto`.
        files: the evaluation split's raw examples, gzipped TFRecords.

    Raises:
        MeasurementError: if quality cannot be measured.
        ValueError: if a table cannot be held in the precision it is asked for in.
    """
    choices = {table: serving.precision_of(table) for table in sorted(manifest.rows)}
    if set(choices.values()) <= {"float32"}:
        export(_float32_for_auto(choices), folder)
        return
    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as scratch:
        # They are read in processes that know the schemes of TensorFlow itself only.
        files = local_files(files, scratch)
        variants = Variants(export, scratch, manifest, files)
        precisions = _chosen(variants, choices, serving.max_entropy_increase)
        measured = {**_all_alike(variants), _CHOSEN: variants.measure(precisions)}
        for line in side_by_side(measured):
            _log.info("%s", line)
        os.replace(measured[_CHOSEN].folder, folder)
    _report(
        measured,
        serving.max_entropy_increase,
        tables=precisions,
        asked=choices,
        trials=[_tried_precision(trial) for trial in variants.trials],
    ).save(folder)


def candidates(variants: Variants, tables: Sequence[str]) -> dict[str, list[Precision]]:
    """Returns the precisions to try: tables that save most first, lowest ones first.

    Args:
        variants: knows the tables.
        tables: their names.
    """
    lower, saved = {}, {}
    for table in tables:
        sizes = {
            precision: variants.table_bytes(table, precision)
            for precision in _PRECISIONS
        }
        # Of two precisions of one size float16 comes first, which rounds less.
        by_size = sorted(_PRECISIONS, key=lambda precision: sizes[precision])
        lower[table] = by_size[: by_size.index("float32")]
        saved[table] = sizes["float32"] - sizes[by_size[0]]
    return {table: lower[table] for table in sorted(tables, key=lambda t: -saved[t])}


def _float32_for_auto(choices: Mapping[str, PrecisionChoice]) -> dict[str, Precision]:
    """Returns the precisions before any is tried."""
    return {
        table: "float32" if choice == "auto" else choice
        for table, choice in choices.items()
    }


def _chosen(
    variants: Variants, choices: Mapping[str, PrecisionChoice], max_increase: float
) -> Precisions:
    """Returns the precision of each table."""
    precisions = _float32_for_auto(choices)
    automatic = [table for table, choice in choices.items() if choice == "auto"]
    fixed = {
        table: precision
        for table, precision in precisions.items()
        if precision != "float32"
    }
    base = variants.measure(
        variants.all_in("float32"),
        Candidates(max_increase, fixed, candidates(variants, automatic)),
    )
    kept = {trial.table: trial.precision for trial in variants.trials if trial.kept}
    while (
        kept and variants.measure({**precisions, **kept}).increase(base) > max_increase
    ):
        table, precision = kept.popitem()
        _log.info(
            "%s is not %s: the exported model exceeds the budget", table, precision
        )
    return {**precisions, **kept}


def _all_alike(variants: Variants) -> dict[str, MeasuredVariant]:
    """Returns the model with all tables in one precision, where they can be."""
    measured: dict[str, MeasuredVariant] = {}
    for precision in _PRECISIONS:
        try:
            measured[precision] = variants.measure(variants.all_in(precision))
        except ValueError as error:
            _log.info("not measured with all tables as %s: %s", precision, error)
    return measured


def _report(
    measured: Mapping[str, MeasuredVariant], max_increase: float, **choice: Any
) -> PrecisionReport:
    """Returns the report that goes with the model."""
    base, chosen = measured["float32"], measured[_CHOSEN]
    increase = chosen.increase(base)
    return PrecisionReport(
        examples=chosen.measurement.examples,
        normalized_entropy=chosen.measurement.normalized_entropy,
        float32_normalized_entropy=base.measurement.normalized_entropy,
        increase=increase,
        max_increase=max_increase,
        why="" if increase <= max_increase else _too_much(increase, max_increase),
        variants={
            name: Variant(
                table_bytes=variant.table_bytes,
                model_bytes=variant.model_bytes,
                normalized_entropy=variant.measurement.normalized_entropy,
                increase=variant.increase(base),
            )
            for name, variant in measured.items()
        },
        **choice,
    )


def _tried_precision(trial: Trial) -> TriedPrecision:
    increase = trial.increase if math.isfinite(trial.increase) else None
    return TriedPrecision(**{**trial._asdict(), "increase": increase})


def _too_much(increase: float, max_increase: float) -> str:
    return (
        f"the precisions that serving.tables asks for increase normalized entropy by "
        f"{increase:.4%}, at most {max_increase:.4%} is allowed "
        "(serving.max_entropy_increase). Ask for `auto`, or allow more."
    )
