"""Updates of a living vocabulary against dictionaries, over random streams."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from shardline_tests import load

from shardline.components.contracts.living_state import (
    NO_ROW,
    STATE_SCHEMA,
    VocabularyError,
)
from shardline.components.features.living.update import (
    Before,
    Update,
    check_capacity,
    check_rows,
    count_moved,
    updated,
)
from shardline.configs.schema import Living, Vocabulary

oracle = load(Path(__file__).with_name("oracle.py"))

# What decides on who comes and goes, each with another stream of tokens.
RULES: dict[str, tuple[int, dict[str, Any]]] = {
    "grows": (1, {}),
    "grows_in_steps": (2, {"grow_by": 7}),
    "grows_from_a_capacity": (1, {"capacity": 20, "grow_by": 5}),
    "fixed_oldest": (1, {"capacity": 25}),
    "fixed_rarest": (2, {"capacity": 25, "when_full": "rarest", "decay": 0.5}),
    "fixed_nobody": (2, {"capacity": 25, "when_full": "nobody", "decay": 0.75}),
    "ages": (1, {"capacity": 40, "evict_after": 2}),
    "ages_and_grows": (3, {"grow_by": 3, "evict_after": 1}),
    "fades": (2, {"capacity": 30, "decay": 0.5, "evict_below": 1.5}),
    "fades_and_ages": (
        2,
        {"capacity": 15, "decay": 0.25, "evict_below": 0.5, "evict_after": 3},
    ),
    "one_row": (1, {"capacity": 1}),
}


def counts_of(tokens: Mapping[bytes, int]) -> pa.Table:
    """Returns counts as the analysis gives them."""
    return pa.table(
        {
            "token": pa.array(tokens, pa.large_binary()),
            "count": pa.array(tokens.values(), pa.int64()),
        }
    )


def after(before: Before, update: Update, age: int) -> Before:
    return Before(update.state, update.capacity, age)


def first(tokens: Mapping[bytes, int], min_count: int = 1, **living: Any) -> Before:
    """Returns a vocabulary that has counted one span."""
    rules = Vocabulary(min_count=min_count, living=Living(**living))
    return after(Before(), updated(Before(), {1: counts_of(tokens)}, rules, 1), 1)


def rows_of(state: pa.Table) -> dict[bytes, int]:
    """Returns the tokens that have a row."""
    pairs = zip(*(state.column(c).to_pylist() for c in ("token", "row")), strict=True)
    return {token: row for token, row in pairs if row != NO_ROW}


def random_spans(rng: np.random.Generator, number: int) -> list[dict[bytes, int]]:
    """Returns up to three spans; which tokens are frequent drifts with the number."""
    spans = []
    for _ in range(rng.integers(0, 4)):
        drawn = 4 * number + rng.geometric(0.06, rng.integers(0, 120))
        tokens, counts = np.unique(drawn, return_counts=True)
        spans.append({b"t%d" % t: int(c) for t, c in zip(tokens, counts, strict=True)})
    return spans


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
def test_updates_are_those_of_dictionaries(
    rules: tuple[int, dict[str, Any]], seed: int
) -> None:
    living = Living(**rules[1])

    went = compare_with_dictionaries(np.random.default_rng(seed), rules[0], living)

    if living.evict_after or (living.capacity and living.when_full != "nobody"):
        assert went > 0 or living.grow_by


@pytest.mark.parametrize("seed", range(20))
def test_updates_by_random_rules_are_those_of_dictionaries(seed: int) -> None:
    rng = np.random.default_rng([seed, 16])
    min_count = int(rng.integers(1, 6))
    decay = float(rng.choice([1.0, 0.75, 0.5]))
    below = min_count * float(rng.random()) if decay < 1 and rng.random() < 0.5 else 0
    living = Living(
        capacity=int(rng.integers(1, 60)) if rng.random() < 0.7 else None,
        grow_by=int(rng.integers(1, 30)) if rng.random() < 0.3 else None,
        decay=decay,
        evict_after=int(rng.integers(1, 7)) if rng.random() < 0.5 else None,
        evict_below=below or None,
        when_full=str(rng.choice(["oldest", "rarest", "nobody"])),
    )

    compare_with_dictionaries(rng, min_count, living)


def compare_with_dictionaries(
    rng: np.random.Generator, min_count: int, living: Living
) -> int:
    """Updates a vocabulary by many spans; returns how many tokens went."""
    expected = oracle.Oracle(min_count, living)
    before, came, went = Before(), 0, 0
    for number in range(25):
        spans = random_spans(rng, number)
        age = before.age + len(spans)
        counts = {before.age + n: counts_of(s) for n, s in enumerate(spans, 1)}

        update = updated(
            before, counts, Vocabulary(min_count=min_count, living=living), age
        )
        expected.update(spans)

        assert update.capacity == expected.capacity
        assert rows_of(update.state) == expected.rows
        assert set(update.admitted.column("token").to_pylist()) == expected.admitted
        assert set(update.evicted.column("token").to_pylist()) == expected.evicted
        assert update.moved == count_moved(before.state, update.state) == 0
        found = {
            row["token"]: (row["count"], row["last_seen"])
            for row in update.state.to_pylist()
        }
        assert found == {
            name: (pytest.approx(token.count), token.last_seen)
            for name, token in expected.tokens.items()
        }
        live = rows_of(update.state)
        assert (
            len(set(live.values())) == len(live) == update.kept + len(expected.admitted)
        )
        before, came = after(before, update, age), came + update.admitted.num_rows
        went += update.evicted.num_rows
    assert came > 0
    return went


def test_order_of_tokens_and_spans_of_equal_counts_changes_nothing() -> None:
    tokens = {b"t%d" % n: 1 + n % 3 for n in range(50)}
    shuffled = dict(reversed(tokens.items()))

    one = first(tokens, capacity=20)
    other = first(shuffled, capacity=20)

    assert one.state.equals(other.state)


def test_first_rows_are_in_the_order_of_other_vocabularies() -> None:
    before = first({b"a": 3, b"b": 5, b"c": 3, b"\xc3\xa9": 3, b"d": 1}, grow_by=10)

    assert rows_of(before.state) == {b"b": 0, b"\xc3\xa9": 1, b"c": 2, b"a": 3, b"d": 4}
    assert before.capacity == 10


def test_capacity_grows_by_a_thousand_by_default() -> None:
    assert first({}).capacity == 1000
    assert first({b"%d" % n: 1 for n in range(1000)}).capacity == 1000
    assert first({b"%d" % n: 1 for n in range(1001)}).capacity == 2000


def test_rows_of_tokens_that_went_are_used_in_the_same_update() -> None:
    before = first({b"a": 3, b"b": 2, b"c": 1}, capacity=3, evict_after=1)
    rules = Vocabulary(living=Living(capacity=3, evict_after=1))

    update = updated(before, {2: counts_of({b"b": 1, b"x": 2, b"y": 1})}, rules, 2)

    assert rows_of(update.state) == {b"x": 0, b"b": 1, b"y": 2}
    assert update.evicted.column("row").to_pylist() == [0, 2]
    assert (update.kept, update.moved) == (1, 0)


def test_tokens_of_this_span_never_make_room() -> None:
    before = first({b"a": 1, b"b": 1}, capacity=2)
    rules = Vocabulary(living=Living(capacity=2))

    update = updated(before, {2: counts_of({b"a": 1, b"b": 1, b"x": 99})}, rules, 2)

    assert rows_of(update.state) == rows_of(before.state)


def test_equally_frequent_candidates_change_nothing() -> None:
    before = first({b"a": 2, b"b": 2}, capacity=2)
    rules = Vocabulary(living=Living(capacity=2))

    update = updated(before, {2: counts_of({b"x": 2})}, rules, 2)

    assert rows_of(update.state) == rows_of(before.state)
    assert update.state.num_rows == 3


def test_token_that_made_room_comes_back_with_its_count() -> None:
    rules = Vocabulary(living=Living(capacity=1))
    before = first({b"a": 2}, capacity=1)
    second = updated(before, {2: counts_of({b"x": 3})}, rules, 2)
    assert rows_of(second.state) == {b"x": 0}

    third = updated(after(before, second, 2), {3: counts_of({b"a": 2})}, rules, 3)

    assert rows_of(third.state) == {b"a": 0}


def test_candidates_of_old_make_room_for_new_ones() -> None:
    rules = Vocabulary(min_count=5, living=Living(capacity=1))
    before = first({b"old": 4}, min_count=5, capacity=1)
    for age in range(2, 8):
        update = updated(before, {age: counts_of({b"new": 1})}, rules, age)
        before = after(before, update, age)

    # `old` is worth 4, 2, 4 / 3, 1 and then less than `new` is.
    assert before.state.column("token").to_pylist() == [b"new"]


def test_forgotten_token_is_counted_anew() -> None:
    rules = Vocabulary(min_count=2, living=Living(evict_after=1))
    before = first({b"a": 5}, min_count=2, evict_after=1)
    second = updated(before, {2: counts_of({b"b": 2})}, rules, 2)

    third = updated(after(before, second, 2), {3: counts_of({b"a": 1})}, rules, 3)

    assert b"a" not in rows_of(third.state)


def test_update_without_spans_changes_nothing() -> None:
    before = first({b"a": 5, b"b": 1}, min_count=2, decay=0.5)
    rules = Vocabulary(min_count=2, living=Living(decay=0.5))

    update = updated(before, {}, rules, before.age)

    assert update.state.equals(before.state)


@pytest.mark.parametrize("damage", ["moved", "twice", "shared", "outside"])
def test_wrong_update_is_told(damage: str) -> None:
    before = first({b"a": 2, b"b": 1}, capacity=2).state
    wrong = {
        "moved": {"row": [1, 0]},
        "twice": {"token": [b"a", b"a"]},
        "shared": {"row": [0, 0]},
        "outside": {"row": [0, 2]},
    }[damage]
    state = pa.table(before.to_pydict() | wrong, STATE_SCHEMA)
    none = before.slice(0, 0)
    update = Update(state, 2, none, none, kept=2, moved=0)

    with pytest.raises(VocabularyError, match="went wrong"):
        check_rows(before, update)


def test_token_twice_in_the_vocabulary_before_is_told() -> None:
    state = first({b"a": 2}).state
    before = Before(pa.concat_tables([state, state]), 1000, 1)

    with pytest.raises(VocabularyError, match="1 of 2 tokens are there twice"):
        updated(before, {}, Vocabulary(), 1)


def test_capacity_that_shrank_is_told() -> None:
    rules = Vocabulary(living=Living(capacity=2))

    with pytest.raises(VocabularyError, match=r"has 3 rows .* is 2 now"):
        updated(first({b"a": 1}, capacity=3), {}, rules, 1)
    check_capacity(3, Living(capacity=2, grow_by=1))
    check_capacity(3, Living())
    check_capacity(None, Living(capacity=2))


def test_capacity_that_was_raised_keeps_rows() -> None:
    before = first({b"a": 2, b"b": 1}, capacity=2)
    rules = Vocabulary(living=Living(capacity=5))

    update = updated(before, {2: counts_of({b"c": 1})}, rules, 2)

    assert update.capacity == 5
    assert rows_of(update.state) == {b"a": 0, b"b": 1, b"c": 2}
