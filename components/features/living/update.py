"""One update of a table's living vocabulary: tokens and counts in, tokens out.

Pure, and a function of its inputs alone: all ties are broken by the bytes of tokens.
Time and memory go with the tokens that have a row, at most as many candidates again,
and the distinct tokens counted; not with how many spans came before.

1. Counts fade by `decay` a span, and those of the new spans are added.
2. Tokens not seen for `evict_after` spans go, and those with a row whose count fell
   below `evict_below`. They are forgotten: seen again, they are counted anew.
3. Candidates that reach `min_count` get the free rows, the most frequent first, the
   lowest row first. Rows that became free just now are among them.
4. If they are more, the capacity grows; or, if it is fixed, tokens not seen in the new
   spans make room, as many as there are such that each who comes is more frequent than
   each who goes. Those who go are candidates then.
5. Of the candidates left over, as many as the capacity are kept: those with the highest
   counts by how many spans ago they were seen, so that old ones make room for new ones.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.contracts.living_state import (
    NO_ROW,
    STATE_SCHEMA,
    VocabularyError,
)
from shardline.configs.schema import Living, Vocabulary

DEFAULT_GROWTH = 1000


@dataclasses.dataclass(frozen=True)
class Before:
    """A table's vocabulary before an update; the default is a new one.

    Attributes:
        state: columns as in `STATE_SCHEMA`, no token twice.
        capacity: rows for tokens; None if it is new.
        age: how many spans were counted into it.
    """

    state: pa.Table = dataclasses.field(default_factory=STATE_SCHEMA.empty_table)
    capacity: int | None = None
    age: int = 0


@dataclasses.dataclass(frozen=True)
class Update:
    """What an update made of a table's vocabulary.

    Attributes:
        state: columns as in `STATE_SCHEMA`: tokens with a row by their rows, then
            candidates, those that would be kept first of all first.
        capacity: rows for tokens.
        admitted: columns `token`, `row`, `count` of tokens that came.
        evicted: likewise of those that went, with the row that they had.
        kept: how many stayed.
        moved: how many of those are in another row: 0, or `check_rows` raises.
    """

    state: pa.Table
    capacity: int
    admitted: pa.Table
    evicted: pa.Table
    kept: int
    moved: int


def updated(
    before: Before, counts: Mapping[int, pa.Table], rules: Vocabulary, age: int
) -> Update:
    """Counts spans into a table's vocabulary.

    Args:
        before: the vocabulary until now.
        counts: by the number of a span, from `before.age` to `age`, its tokens: `token`
            large_binary, distinct and such that a file of lines can name them, and
            `count` int64.
        rules: `min_count`, and how the vocabulary lives.
        age: how many spans are counted into it then.

    Raises:
        VocabularyError: if the configured capacity is smaller than it was, or what came
            out is no vocabulary: a token twice or moved, a row twice or out of range.
    """
    living = rules.living or Living()
    tokens = _Tokens.counted(before, counts, living.decay, age)
    tokens.forget(living, age)
    order = tokens.in_order(tokens.waiting & (tokens.count >= rules.min_count))
    check_capacity(before.capacity, living)
    capacity = _capacity(before.capacity, living, tokens.live + len(order))
    free = capacity - tokens.live
    room = 0
    if len(order) > free and living.when_full != "nobody":
        room = tokens.make_room(order[free:], living.when_full)
    tokens.admit(order[: free + room], capacity)
    update = tokens.update(capacity, age)
    check_rows(before.state, update)
    return update


def check_rows(before: pa.Table, update: Update) -> None:
    """Checks what an update must never do.

    Args:
        before: the tokens before, columns as in `STATE_SCHEMA`.
        update: what came out.

    Raises:
        VocabularyError: if a token stayed in another row, or there are two of a token,
            or of a row, or a row out of range.
    """
    tokens, rows = _with_row(update.state)
    distinct = pc.count_distinct(update.state.column("token")).as_py()
    twice = update.state.num_rows - distinct
    shared = len(rows) - len(np.unique(rows))
    outside = int(np.count_nonzero(rows >= update.capacity))
    moved = count_moved(before, update.state)
    if moved or moved != update.moved or twice or shared or outside:
        raise VocabularyError(
            f"The update of {len(tokens)} tokens went wrong: {moved} stayed in another "
            f"row, {twice} are there twice, {shared} share a row with another, "
            f"{outside} have a row from {update.capacity} on. Report this."
        )


def count_moved(before: pa.Table, after: pa.Table) -> int:
    """Returns how many tokens have a row in both tables of tokens, and not the same.

    Args:
        before: columns as in `STATE_SCHEMA`.
        after: likewise.
    """
    tokens_before, rows_before = _with_row(before)
    tokens, rows = _with_row(after)
    found = pc.fill_null(pc.index_in(tokens, value_set=tokens_before), -1).to_numpy()
    stays = found >= 0
    return int(np.count_nonzero(rows_before[found[stays]] != rows[stays]))


def _with_row(state: pa.Table) -> tuple[pa.Array, np.ndarray]:
    """Returns the tokens that have a row, and their rows."""
    some = state.filter(pc.greater_equal(state.column("row"), 0)).combine_chunks()
    return _array(some.column("token")), some.column("row").to_numpy()


def check_capacity(before: int | None, living: Living) -> None:
    """Checks that a table has at least the rows that it had.

    Args:
        before: how many it had for tokens; None if it is new.
        living: how its vocabulary lives.

    Raises:
        VocabularyError: if it would have fewer.
    """
    if _is_fixed(living) and before is not None and before > (living.capacity or 0):
        raise VocabularyError(
            f"the vocabulary has {before:,} rows for tokens, and `living.capacity` is "
            f"{living.capacity:,} now. Tokens that stay would lose their rows. Give "
            f"{before:,} or more, or publish to another folder, to begin anew."
        )


def _is_fixed(living: Living) -> bool:
    return living.capacity is not None and living.grow_by is None


def _capacity(before: int | None, living: Living, wanted: int) -> int:
    """Returns how many rows there are for tokens, of which so many want one."""
    capacity = max(before or 0, living.capacity or 0)
    if _is_fixed(living):
        return capacity
    step = living.grow_by or DEFAULT_GROWTH
    # At least one row: a lookup table cannot be made of no line.
    missing = max(wanted, 1) - capacity
    return capacity + max(0, -(-missing // step)) * step


@dataclasses.dataclass
class _Tokens:
    """All tokens of an update: those before, then those that are new.

    `row` and `count` are as of now, `row_before` and `is_known` are not changed.
    """

    token: pa.Array
    row_before: np.ndarray
    row: np.ndarray
    count: np.ndarray
    last_seen: np.ndarray
    is_seen: np.ndarray
    is_known: np.ndarray

    @classmethod
    def counted(
        cls, before: Before, counts: Mapping[int, pa.Table], decay: float, age: int
    ) -> "_Tokens":
        parts = [
            _array(before.state.column("token")),
            *(_array(counts[number].column("token")) for number in sorted(counts)),
        ]
        indices = pa.concat_arrays(parts).dictionary_encode()
        at = np.split(indices.indices.to_numpy(), np.cumsum([len(p) for p in parts]))
        known, total = len(parts[0]), len(indices.dictionary)
        row = np.full(total, NO_ROW, np.int64)
        count, last_seen = np.zeros(total), np.zeros(total, np.int64)
        is_seen = np.zeros(total, bool)
        row[at[0]] = before.state.column("row").to_numpy()
        count[at[0]] = before.state.column("count").to_numpy()
        last_seen[at[0]] = before.state.column("last_seen").to_numpy()
        count *= decay ** (age - before.age)
        for where, number in zip(at[1:], sorted(counts), strict=False):
            seen = counts[number].column("count").to_numpy()
            count[where] += seen * decay ** (age - number)
            last_seen[where], is_seen[where] = number, True
        is_known = np.ones(total, bool)
        if known != len(np.unique(at[0])):
            raise VocabularyError(
                f"{known - len(np.unique(at[0]))} of {known} tokens are there twice in "
                "the vocabulary before. Go on from another run's."
            )
        return cls(
            indices.dictionary, row.copy(), row, count, last_seen, is_seen, is_known
        )

    @property
    def waiting(self) -> np.ndarray:
        """Which tokens are candidates: bool [tokens]."""
        waiting: np.ndarray = self.is_known & (self.row < 0)
        return waiting

    @property
    def live(self) -> int:
        """How many tokens have a row."""
        return int(np.count_nonzero(self.row >= 0))

    def forget(self, living: Living, age: int) -> None:
        """Takes out tokens that are not seen any more, or too rarely."""
        is_gone = np.zeros(len(self.row), bool)
        if living.evict_after is not None:
            is_gone |= age - self.last_seen >= living.evict_after
        if living.evict_below is not None:
            is_gone |= (self.row >= 0) & (self.count < living.evict_below)
        self.row[is_gone] = NO_ROW
        self.is_known = ~is_gone

    def in_order(self, chosen: np.ndarray) -> np.ndarray:
        """Returns where the chosen are, the most frequent first."""
        return self._sorted(
            chosen,
            ("count", "descending"),
            ("last_seen", "descending"),
            ("token", "descending"),
        )

    def make_room(self, order: np.ndarray, who: str) -> int:
        """Takes rows from tokens that candidates are more frequent than.

        Args:
            order: the candidates, the most frequent first.
            who: goes first, of those who may: the "oldest" or the "rarest".

        Returns:
            How many rows are free then.
        """
        may_go = (self.row >= 0) & ~self.is_seen
        rarer = np.searchsorted(np.sort(self.count[may_go]), self.count[order])
        room = int(np.count_nonzero(rarer > np.arange(len(order))))
        if not room:
            return 0
        may_go &= self.count < self.count[order[room - 1]]
        age, count = ("last_seen", "ascending"), ("count", "ascending")
        first = (age, count) if who == "oldest" else (count, age)
        self.row[self._sorted(may_go, *first, ("token", "ascending"))[:room]] = NO_ROW
        return room

    def admit(self, admitted: np.ndarray, capacity: int) -> None:
        """Gives candidates the free rows, the lowest first."""
        is_taken = np.zeros(capacity, bool)
        is_taken[self.row[self.row >= 0]] = True
        self.row[admitted] = np.flatnonzero(~is_taken)[: len(admitted)]

    def update(self, capacity: int, age: int) -> Update:
        """Returns what has become of all tokens."""
        was, is_live = self.row_before >= 0, self.row >= 0
        live = np.flatnonzero(is_live)
        live = live[np.argsort(self.row[live])]
        kept = np.concatenate([live, self._kept_waiting(capacity, age)])
        state = pa.table(
            {
                "token": self.token.take(pa.array(kept)),
                "row": self.row[kept],
                "count": self.count[kept],
                "last_seen": self.last_seen[kept],
            },
            STATE_SCHEMA,
        )
        moved = was & is_live & (self.row_before != self.row)
        return Update(
            state,
            capacity,
            self._changed(is_live & ~was, self.row),
            self._changed(was & ~is_live, self.row_before),
            kept=int(np.count_nonzero(was & is_live)),
            moved=int(np.count_nonzero(moved)),
        )

    def _kept_waiting(self, most: int, age: int) -> np.ndarray:
        """Returns where the candidates are that are remembered."""
        waiting = np.flatnonzero(self.waiting)
        columns = {
            "token": self.token.take(pa.array(waiting)),
            "worth": self.count[waiting] / (1 + age - self.last_seen[waiting]),
            "last_seen": self.last_seen[waiting],
        }
        keys = [(key, "descending") for key in ("worth", "last_seen", "token")]
        order = pc.sort_indices(pa.table(columns), sort_keys=keys)[:most]
        kept: np.ndarray = waiting[order.to_numpy()]
        return kept

    def _changed(self, chosen: np.ndarray, rows: np.ndarray) -> pa.Table:
        """Returns chosen tokens in the order of rows."""
        where = np.flatnonzero(chosen)
        where = where[np.argsort(rows[where])]
        token = self.token.take(pa.array(where))
        return pa.table(
            {"token": token, "row": rows[where], "count": self.count[where]}
        )

    def _sorted(self, chosen: np.ndarray, *keys: tuple[str, str]) -> np.ndarray:
        """Returns where the chosen tokens are, sorted by columns."""
        where = np.flatnonzero(chosen)
        columns = {
            "token": self.token.take(pa.array(where)),
            "count": self.count[where],
            "last_seen": self.last_seen[where],
        }
        order = pc.sort_indices(pa.table(columns), sort_keys=list(keys))
        found: np.ndarray = where[order.to_numpy()]
        return found


def _array(column: pa.ChunkedArray) -> pa.Array:
    """Returns a column in one piece."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return pa.array([], column.type) if not whole.num_chunks else whole.chunk(0)
    return whole
