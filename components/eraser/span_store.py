"""The store of spans: what is erased leaves its examples, which are not read again."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from shardline.components.contracts.data_card import ERASED, DataCard
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.eraser.example_files import (
    count_records,
    erase_from_records,
    records_of,
)
from shardline.components.eraser.report import Change
from shardline.components.eraser.text import Blackening
from shardline.components.span_examples.examination import Asked, canonical, profile_of
from shardline.components.span_examples.store import (
    StoredPart,
    StoredSpan,
    load_stored,
    record_whole,
)

_BATCH = 1024


def erase_from_span(
    copy: Path, erasure: Erasure, asked: Asked, blackening: Blackening
) -> Change:
    """Takes ids out of a span of the store, and says anew what it is like.

    Args:
        copy: a copy of the span's folder.
        erasure: what is erased.
        asked: what was looked for in its examples.
        blackening: what is blackened in what is said of the raw data.
    """
    stored = load_stored(str(copy))
    change = Change()
    for file in _files(copy, stored):
        change += erase_from_records(file, erasure)
    lines = [blackening.of(line) for line in stored.data_card.lines]
    blackened = sum(a != b for a, b in zip(lines, stored.data_card.lines, strict=True))
    change += Change(lines=blackened)
    if change:
        renewed = stored.model_copy(
            update={
                "parts": {
                    name: StoredPart(
                        files=part.files,
                        examples=sum(count_records(copy / file) for file in part.files),
                    )
                    for name, part in stored.parts.items()
                },
                "profile": profile_of(stored.span, _batches(copy, stored), asked),
                "data_card": _card(stored, change.examples, lines),
            }
        )
        record_whole(renewed, str(copy))
    return change


def _files(copy: Path, stored: StoredSpan) -> list[Path]:
    return [copy / file for part in stored.parts.values() for file in part.files]


def _batches(copy: Path, stored: StoredSpan) -> Iterator[Sequence[bytes]]:
    records = itertools.chain.from_iterable(map(records_of, _files(copy, stored)))
    while batch := list(itertools.islice(records, _BATCH)):
        yield [canonical(record) for record in batch]


def _card(stored: StoredSpan, erased: int, lines: list[str]) -> DataCard:
    card = stored.data_card
    update = {
        "examples": {name: n - erased for name, n in card.examples.items()},
        "erased": card.erased + erased,
        "lines": lines,
    }
    if card.rows is not None and erased:
        reasons = {**card.reasons, ERASED: card.reasons.get(ERASED, 0) + erased}
        update |= {"left_out": card.left_out + erased, "reasons": reasons}
    return card.model_copy(update=update)
