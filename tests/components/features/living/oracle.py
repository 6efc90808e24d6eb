"""Living vocabularies by the book: dictionaries, a loop for each token, no Arrow."""

import dataclasses
from typing import Any

from shardline.configs.schema import Living


@dataclasses.dataclass
class Token:
    row: int | None
    count: float
    last_seen: int


@dataclasses.dataclass
class Oracle:
    """A vocabulary: its tokens, its capacity, its age, and what the last update did."""

    min_count: int
    living: Living
    capacity: int | None = None
    age: int = 0
    tokens: dict[bytes, Token] = dataclasses.field(default_factory=dict)
    admitted: set[bytes] = dataclasses.field(default_factory=set)
    evicted: set[bytes] = dataclasses.field(default_factory=set)

    @property
    def rows(self) -> dict[bytes, int]:
        """The tokens that have a row."""
        return {t: k.row for t, k in self.tokens.items() if k.row is not None}

    def update(self, spans: list[dict[bytes, int]]) -> None:
        """Counts spans, one after the other, then lets tokens come and go."""
        before, seen = self.rows, set[bytes]()
        for span in spans:
            self.age += 1
            for token in self.tokens.values():
                token.count *= self.living.decay
            for name, count in span.items():
                token = self.tokens.setdefault(name, Token(None, 0.0, 0))
                token.count += count
                token.last_seen = self.age
                seen.add(name)
        self._forget()
        waiting = sorted(
            (n for n, t in self.tokens.items() if t.row is None and self._may_come(t)),
            key=lambda n: (self.tokens[n].count, self.tokens[n].last_seen, n),
            reverse=True,
        )
        self._grow(len(waiting))
        free = self.capacity - len(self.rows)
        room = self._room(waiting[free:], seen) if len(waiting) > free else 0
        for name in waiting[: free + room]:
            taken = set(self.rows.values())
            row = next(r for r in range(self.capacity) if r not in taken)
            self.tokens[name].row = row
        self._bound()
        self.admitted = self.rows.keys() - before.keys()
        self.evicted = before.keys() - self.rows.keys()

    def _may_come(self, token: Token) -> bool:
        return token.count >= self.min_count

    def _forget(self) -> None:
        after, below = self.living.evict_after, self.living.evict_below
        for name, token in list(self.tokens.items()):
            stale = after is not None and self.age - token.last_seen >= after
            rare = below is not None and token.row is not None and token.count < below
            if stale or rare:
                del self.tokens[name]

    def _grow(self, waiting: int) -> None:
        living = self.living
        self.capacity = max(self.capacity or 0, living.capacity or 0)
        if living.capacity is None or living.grow_by is not None:
            while self.capacity < max(1, len(self.rows) + waiting):
                self.capacity += living.grow_by or 1000

    def _room(self, waiting: list[bytes], seen: set[bytes]) -> int:
        """Tries every number of tokens that could make room, the largest first."""
        if self.living.when_full == "nobody":
            return 0
        for room in range(len(waiting), 0, -1):
            least = self.tokens[waiting[room - 1]].count
            may_go = [
                (n, self.tokens[n])
                for n in self.rows
                if n not in seen and self.tokens[n].count < least
            ]
            if len(may_go) >= room:
                for name, token in sorted(may_go, key=self._goes_first)[:room]:
                    assert token.row is not None, name
                    token.row = None
                return room
        return 0

    def _goes_first(self, known: tuple[bytes, Token]) -> Any:
        name, token = known
        if self.living.when_full == "oldest":
            return (token.last_seen, token.count, name)
        return (token.count, token.last_seen, name)

    def _worth(self, name: bytes) -> float:
        token = self.tokens[name]
        return token.count / (1 + self.age - token.last_seen)

    def _bound(self) -> None:
        waiting = sorted(
            (n for n, t in self.tokens.items() if t.row is None),
            key=lambda n: (self._worth(n), self.tokens[n].last_seen, n),
            reverse=True,
        )
        for name in waiting[self.capacity :]:
            del self.tokens[name]
