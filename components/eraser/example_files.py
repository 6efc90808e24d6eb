"""Raw examples that were written as TFRecords: what is erased is taken out of them."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.components.contracts.data_card import (
    ERASED,
    erased_since,
    tell_erased,
)
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.eraser.report import Change
from shardline.components.eraser.swap import replace
from shardline.components.eraser.text import Blackening

_DATA_CARD = "reading.json"
_GZIP = b"\x1f\x8b"


def erase_from_examples(copy: Path, erasure: Erasure, blackening: Blackening) -> Change:
    """Takes ids out of Examples, and out of what is said of them.

    Args:
        copy: a copy of the folder of Examples.
        erasure: what is erased.
        blackening: what is blackened in text.
    """
    change = Change()
    lost: dict[str, int] = {}
    for folder in sorted(copy.glob("Split-*")):
        dropped = 0
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            of_file = erase_from_records(file, erasure)
            dropped += of_file.examples
            change += of_file
        if dropped:
            lost[folder.name.removeprefix("Split-")] = dropped
    if lost:
        before = erased_since(str(copy))
        tell_erased(
            str(copy),
            {
                split: before.get(split, 0) + lost.get(split, 0)
                for split in before.keys() | lost.keys()
            },
        )
    change += _renewed_card(copy, lost, blackening)
    return change


def erase_from_records(file: Path, erasure: Erasure) -> Change:
    """Takes ids out of a file of serialized examples.

    Args:
        file: TFRecord, compressed or not, in a copy of its folder.
        erasure: what is erased.
    """
    compression = compression_of(file)
    beside = file.with_name(f".{file.name}.left")
    dropped = values = 0
    with tf.io.TFRecordWriter(str(beside), compression) as writer:
        for record in records_of(file):
            left = erasure.left_of(record)
            values += left.values
            if left.serialized is None:
                dropped += 1
            else:
                writer.write(left.serialized)
    if dropped or values:
        beside.replace(file)
    beside.unlink(missing_ok=True)
    return Change(examples=dropped, values=values)


def holds_erased(folder: Path, erasure: Erasure) -> bool:
    """Returns whether one of the Examples in a folder holds what is erased."""
    return any(
        erasure.touches(record)
        for file in sorted(folder.glob("Split-*/*"))
        for record in records_of(file)
    )


def tells_erased(folder: Path, blackening: Blackening) -> bool:
    """Returns whether what is said of the Examples in a folder names an id."""
    lines = _card(folder).get("lines", [])
    return any(blackening.of(line) != line for line in lines)


def count_examples(folders: Iterable[Path]) -> dict[str, int]:
    """Returns how many Examples there are in folders, by split."""
    counts: dict[str, int] = {}
    for split in (split for folder in folders for split in folder.glob("Split-*")):
        name = split.name.removeprefix("Split-")
        for file in split.iterdir():
            counts[name] = counts.get(name, 0) + count_records(file)
    return counts


def count_records(file: Path) -> int:
    """Returns how many records a TFRecord file has."""
    return sum(1 for _ in records_of(file))


def records_of(file: Path) -> Iterator[bytes]:
    """Yields the records of a TFRecord file, compressed or not."""
    data = tf.data.TFRecordDataset(str(file), compression_of(file))
    yield from data.as_numpy_iterator()


def compression_of(file: Path) -> str:
    """Returns how a TFRecord file is compressed, as TensorFlow names it."""
    with file.open("rb") as opened:
        return "GZIP" if opened.read(2) == _GZIP else ""


def _renewed_card(copy: Path, lost: dict[str, int], blackening: Blackening) -> Change:
    """Lets the data card say how many were erased, and name no id."""
    card = _card(copy)
    if not card:
        return Change()
    before = json.dumps(card)
    lines = [blackening.of(line) for line in card.get("lines", [])]
    blackened = sum(a != b for a, b in zip(lines, card.get("lines", []), strict=True))
    if blackened:
        card["lines"] = lines
    for split, count in lost.items():
        card["examples"][split] -= count
    if erased := sum(lost.values()):
        card["erased"] = card.get("erased", 0) + erased
        if card["rows"] is not None:
            card["left_out"] += erased
            reasons = card["reasons"]
            reasons[ERASED] = reasons.get(ERASED, 0) + erased
    if json.dumps(card) != before:
        replace(copy / _DATA_CARD, json.dumps(card, indent=2).encode())
    return Change(lines=blackened)


def _card(folder: Path) -> dict[str, Any]:
    """Returns the data card of Examples; nothing if there is none."""
    file = folder / _DATA_CARD
    card = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return dict(card)
