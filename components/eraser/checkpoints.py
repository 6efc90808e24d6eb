"""HostShardedCheckpoints: rows of erased tokens, and their slots, are reset.

A row becomes zeros, which is the mean of what the initializer draws: nothing of the
training is left in it. Slots become what the optimizer begins with. A token that gets
the row later starts as any new one does.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shardline.components.contracts.checkpoint_manifest import (
    checkpoint_prefix,
    load_manifest,
)
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.contracts.parity_examples import parity_folder
from shardline.components.eraser.parity import erase_examples, erase_lookups
from shardline.components.eraser.report import Change
from shardline.components.eraser.stored_rows import set_rows
from shardline.components.model.engine_config import engine_optimizer
from shardline.components.trainer.warm_start import EVICTED_FOLDER
from shardline.configs.schema import Table
from shardline.embedding.checkpoint.index import index_entries
from shardline.embedding.checkpoint.sets.cut import ROWS
from shardline.embedding.checkpoint.warm_start.archive import archive_path

_VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


def erase_from_checkpoint(
    copy: Path,
    rows: Mapping[str, Sequence[int]],
    erasure: Erasure,
    evicted: Mapping[str, Sequence[int]],
) -> Change:
    """Resets rows and slots of a checkpoint, and drops what it repeats of them.

    Args:
        copy: a copy of the checkpoint's folder.
        rows: by table, those of erased tokens, ascending.
        erasure: what is erased from parity examples.
        evicted: by table, rows that erased tokens had when they were evicted.
    """
    manifest = load_manifest(str(copy))
    prefix = checkpoint_prefix(str(copy))
    held = set(index_entries(prefix))
    wanted: dict[str, tuple[Sequence[int], np.ndarray]] = {}
    for name, of_table in rows.items():
        table = manifest.feature_set.tables.get(name)
        if table and of_table:
            inside = [row for row in of_table if row < manifest.rows[name]]
            for key, value in initial_values(name, table).items():
                if key.encode() in held:
                    wanted[key] = (inside, value)
    changed = set_rows(prefix, wanted)
    folder = parity_folder(str(copy))
    examples = erase_examples(folder, erasure)
    lookups = erase_lookups(folder, rows)
    archived = sum(erase_from_archive(copy, *of) for of in evicted.items())
    return Change(
        rows=max(changed.values(), default=0) + archived,
        parity_examples=examples,
        parity_lookups=lookups,
    )


def erase_from_archive(copy: Path, table: str, rows: Sequence[int]) -> int:
    """Takes rows out of those that a warm start has archived; returns how many.

    Args:
        copy: a copy of the checkpoint's folder.
        table: the table.
        rows: those of erased tokens, when these were evicted.
    """
    folder = copy / EVICTED_FOLDER
    numbers = archive_path(folder, table, ROWS)
    if not numbers.exists():
        return 0
    kept = ~np.isin(np.load(numbers), rows)
    if not kept.all():
        for file in sorted(folder.glob(numbers.name.replace(f".{ROWS}.", ".*."))):
            left = np.load(file)[kept]
            file.unlink()
            np.save(file, left)
    return int(np.count_nonzero(~kept))


def index_digest(folder: Path) -> str:
    """Returns the SHA-256 of a checkpoint's index, by which model cards name it."""
    index = Path(f"{checkpoint_prefix(str(folder))}.index")
    return hashlib.sha256(index.read_bytes()).hexdigest()


def initial_values(name: str, table: Table) -> dict[str, np.ndarray]:
    """Returns what rows of a table and of its slots become: float32 [dim], by key.

    Args:
        name: of the table.
        table: its configuration.
    """
    optimizer: Any = engine_optimizer(table.optimizer)
    slots = zip(optimizer._slot_names(), optimizer._slot_initializers(), strict=True)
    values = {
        f"{name}/{slot}": np.asarray(initializer((table.dim,), np.float32))
        for slot, initializer in slots
    }
    values[name] = np.zeros(table.dim, np.float32)
    return {f"embedding/{_escaped(key)}/{_VALUE}": v for key, v in values.items()}


def _escaped(name: str) -> str:
    """Returns how the key of a checkpoint holds a name."""
    return name.replace(".", "..").replace("/", ".S")
