"""Tables begin with the rows of their tokens, whatever became of the vocabulary."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.living_vocabulary import free_line
from shardline.components.trainer.row_maps import MappedTable, Side, mapped_table
from shardline.components.trainer.tokens import Tokens
from shardline.configs.living import Living
from shardline.configs.schema import Ids


def tokens_of(lines: list[str]) -> Tokens:
    return Tokens("".join(f"{line}\n" for line in lines).encode())


def side(lines: list[str], oov_rows: int = 1, spare: int = 0) -> Side:
    """Returns a table of a vocabulary; None is a free row."""
    rows = len(lines) + oov_rows + spare
    return Side(rows, Ids(), oov_rows, tokens_of(lines))


def drawn(random: np.random.Generator, words: int) -> list[str]:
    """Draws a vocabulary: some of so many words, and free rows between them."""
    capacity = int(random.integers(1, 60))
    chosen = random.permutation(words)[: random.integers(0, capacity + 1)]
    lines = [free_line(row) for row in range(capacity)]
    for row, word in zip(random.permutation(capacity), chosen, strict=False):
        lines[row] = f"word {word}"
    return lines


def lived(random: np.random.Generator, lines: list[str]) -> list[str]:
    """Has tokens of a vocabulary go, and others come; the capacity grows."""
    grown = [*lines, *(free_line(len(lines) + i) for i in range(random.integers(0, 9)))]
    for row in range(len(grown)):
        if random.random() < 0.3:
            is_new = random.random() < 0.6
            grown[row] = f"new {row}" if is_new else free_line(row)
    return grown


def is_token(line: str) -> bool:
    return not line.startswith("49d0cd50")


@pytest.mark.parametrize("admitted", ["initializer", "oov_row", "mean"])
@pytest.mark.parametrize("seed", range(12))
def test_random_vocabularies_map_as_their_definition_says(
    seed: int, admitted: str
) -> None:
    random = np.random.default_rng(seed)
    before = drawn(random, 80)
    after = lived(random, before) if seed % 3 else drawn(random, 80)
    oov_rows = int(random.integers(1, 4))

    mapped = mapped_table(
        side(before, oov_rows),
        side(after, oov_rows, spare=2),
        Living(admitted=admitted),
    )

    known = {line: row for row, line in enumerate(before) if is_token(line)}
    expected = [known.get(line, -1) if is_token(line) else -1 for line in after]
    stayed = [row for row, source in enumerate(expected) if source >= 0]
    came = [
        row for row, line in enumerate(after) if is_token(line) and line not in known
    ]
    expected += [len(before) + i for i in range(oov_rows)] + [-1, -1]
    made = mapped.row_map
    assert made is not None
    assert made.sources.tolist() == expected
    gone = sorted(row for line, row in known.items() if line not in after)
    assert mapped.evicted.tolist() == gone
    facts = mapped.facts
    kept = len(stayed) + oov_rows
    assert (facts.kept, facts.admitted, facts.evicted) == (kept, len(came), len(gone))
    if admitted == "oov_row":
        assert made.copies.rows.tolist() == came
        for row, source in zip(came, made.copies.sources, strict=True):
            hashed = tf.strings.to_hash_bucket_fast(after[row], oov_rows)
            assert source == len(before) + int(hashed)
    else:
        assert len(made.copies.rows) == 0
    is_mean = admitted == "mean" and stayed
    assert made.means.rows.tolist() == (came if is_mean else [])
    assert made.means.of.tolist() == (stayed if is_mean else [])
    made.check("item", len(expected), len(before) + oov_rows)


def test_a_row_that_another_token_took_is_fresh() -> None:
    mapped = mapped_table(side(["a", "b"]), side(["a", "c"]), Living())
    assert mapped.row_map is not None
    assert mapped.row_map.sources.tolist() == [0, -1, 2]
    assert mapped.evicted.tolist() == [1]


def test_another_number_of_rows_of_unknown_tokens_begins_them_anew() -> None:
    mapped = mapped_table(side(["a"], 1), side(["a"], 2), Living())
    assert mapped.row_map is not None
    assert mapped.row_map.sources.tolist() == [0, -1, -1]
    assert "there were 1 (`oov_rows`), and are 2" in str(mapped.facts)


def sources(mapped: MappedTable) -> Any:
    return None if mapped.row_map is None else mapped.row_map.sources.tolist()


def in_range(size: int, oov_rows: int = 0) -> Side:
    kind = "oov_rows" if oov_rows else None
    return Side(size + oov_rows, Ids(range=size, out_of_range=kind), oov_rows or 1)


HASHED = Side(4, Ids(hash_buckets=4), 1)
CASES = {
    "hash": (HASHED, HASHED, [0, 1, 2, 3]),
    "hash with more rows": (
        HASHED,
        Side(6, Ids(hash_buckets=4), 1),
        [0, 1, 2, 3, -1, -1],
    ),
    "other buckets": (HASHED, Side(5, Ids(hash_buckets=5), 1), None),
    "other salt": (HASHED, Side(4, Ids(hash_buckets=4, salt="x"), 1), None),
    "other kind": (HASHED, in_range(4), None),
    "range": (in_range(3), in_range(3), [0, 1, 2]),
    "longer range": (in_range(3), in_range(5), [0, 1, 2, -1, -1]),
    "shorter range": (in_range(3), in_range(2), [0, 1]),
    "longer range, unknown": (in_range(3, 2), in_range(4, 2), [0, 1, 2, -1, 3, 4]),
    "unknown now": (in_range(3), in_range(3, 1), [0, 1, 2, -1]),
    "quantiles": (
        Side(3, Ids(quantile_buckets=3), 1),
        Side(3, Ids(quantile_buckets=3), 1),
        [0, 1, 2],
    ),
    "other quantiles": (
        Side(3, Ids(quantile_buckets=3), 1),
        Side(4, Ids(quantile_buckets=4), 1),
        None,
    ),
    "no vocabulary before": (Side(4, Ids(), 1), side(["a"]), None),
}


@pytest.mark.parametrize("case", CASES)
def test_other_ids_map_where_they_say_the_same(case: str) -> None:
    old, new, expected = CASES[case]
    mapped = mapped_table(old, new, Living())
    assert sources(mapped) == expected
    assert ("begins anew: " in mapped.facts.fresh) == (expected is None)
