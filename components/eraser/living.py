"""LivingVocabulary artifacts: an erased token leaves, and its row is free."""

import csv
import functools
import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shardline.components.contracts.living_vocabulary import (
    LivingVocabularies,
    TableChanges,
    load_vocabularies,
)
from shardline.components.eraser.report import Change
from shardline.components.eraser.scope import Scope
from shardline.components.eraser.swap import replace
from shardline.components.eraser.vocabulary_lines import free_lines


def erase_from_vocabularies(copy: Path, scope: Scope) -> Change:
    """Takes tokens out of living vocabularies: lines, counts and what changed.

    Args:
        copy: a copy of the folder of a LivingVocabulary.
        scope: what is erased.
    """
    said = load_vocabularies(str(copy))
    tables, change, erased = dict(said.tables), Change(), 0
    for name, of_table in said.tables.items():
        lines = free_lines(copy / name, functools.partial(scope.is_erased, name))
        counted = _erase_counts(copy / f"{name}.tokens.parquet", name, scope)
        told = _erase_changes(copy / f"{name}.changes.csv", name, scope)
        if lines.erased or counted or told:
            erased += counted
            change += Change(tokens=max(len(lines.erased), counted), lines=told)
            tables[name] = _renewed(copy, name, of_table, len(lines.erased), counted)
    if change:
        renewed = said.model_copy(
            update={"tables": tables, "erased": said.erased + erased, "digest": ""}
        )
        (copy / "vocabularies.json").unlink()
        renewed.model_copy(update={"digest": digest_of(renewed)}).save(str(copy))
    return change


def digest_of(said: LivingVocabularies) -> str:
    """Returns the digest of everything else that vocabularies say."""
    text = said.model_dump_json(exclude={"digest"})
    return hashlib.sha256(text.encode()).hexdigest()


def _renewed(
    copy: Path, name: str, said: TableChanges, freed: int, counted: int
) -> TableChanges:
    return said.model_copy(
        update={
            "live": said.live - freed,
            "free": said.free + freed,
            "waiting": said.waiting - (counted - freed),
            "digest": _sha256(copy / name),
            "state_digest": _sha256(copy / f"{name}.tokens.parquet"),
        }
    )


def _erase_counts(file: Path, table: str, scope: Scope) -> int:
    """Takes tokens out of the counts of a table; returns how many."""
    counts = pq.read_table(file, pre_buffer=False, use_threads=False)
    tokens = counts.column("token").cast(pa.large_binary()).to_pylist()
    kept = [not scope.is_erased(table, token) for token in tokens]
    if all(kept):
        return 0
    file.unlink()
    pq.write_table(counts.filter(pa.array(kept)), file)
    return len(kept) - int(pc.sum(pa.array(kept)).as_py() or 0)


def _erase_changes(file: Path, table: str, scope: Scope) -> int:
    """Takes tokens out of what came and went; returns how many lines."""
    if not file.exists():
        return 0
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    place = rows[0].index("token")
    kept = [
        row
        for row in rows[1:]
        if not scope.is_erased(table, row[place].encode("utf-8", "surrogateescape"))
    ]
    if len(kept) == len(rows) - 1:
        return 0
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([rows[0], *kept])
    replace(file, written.getvalue().encode("utf-8", "surrogateescape"))
    return len(rows) - 1 - len(kept)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
