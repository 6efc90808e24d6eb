"""Examples that have no row in side files, and rows of side files that are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shardline.configs.shown import quoted, shown

FIRST_KEYS = 3

_Key = tuple[str, int, str]  # file, number of the row in it, key


@dataclass
class Unmatched:
    """Counts by the name of a join; those of several workers merge in any order.

    Attributes:
        examples: those whose key no row has.
        without_key: examples that have no key.
        first: the first few keys that no row has, each (file, number in it, key).
        left_out: rows of the side files that are left out, by reason; each process
            that reads these files tells the same.
        left_out_first: the first of them by reason, in words.
    """

    examples: dict[str, int] = field(default_factory=dict)
    without_key: dict[str, int] = field(default_factory=dict)
    first: dict[str, list[_Key]] = field(default_factory=dict)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out_first: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def add(
        self, join: str, examples: int, without_key: int, first: list[_Key]
    ) -> None:
        """Counts examples.

        Args:
            join: the name of the join.
            examples: those whose key no row has.
            without_key: those that have no key.
            first: keys that no row has: the first ones in the file or all, in any
                order, each (file, number in it, key).
        """
        _count(self.examples, join, examples)
        _count(self.without_key, join, without_key)
        # What comes back from JSON has lists for tuples.
        known = [*self.first.get(join, []), *first]
        by_place = sorted((file, number, key) for file, number, key in known)
        once: dict[str, _Key] = {}
        for place in by_place:
            once.setdefault(place[2], place)
        if once:
            self.first[join] = list(once.values())[:FIRST_KEYS]

    def may_name(self, join: str, file: str, number: int) -> bool:
        """Returns whether a key at a place, or after it, may be one of the first.

        Args:
            join: the name of the join.
            file: of the place.
            number: the number of a row there.
        """
        known = self.first.get(join, [])
        return len(known) < FIRST_KEYS or (file, number) < tuple(known[-1][:2])

    def leave_out(
        self, join: str, rows: Mapping[str, int], first: Mapping[str, list[str]]
    ) -> None:
        """Tells of the rows of side files that are left out, however often.

        Args:
            join: the name of the join.
            rows: how many, by reason.
            first: the first of them by reason, in words.
        """
        if rows:
            self.left_out[join] = dict(rows)
            self.left_out_first[join] = dict(first)

    def merge(self, other: Unmatched) -> None:
        """Adds what another worker counted."""
        for join in other.by_join:
            self.add(
                join,
                other.examples.get(join, 0),
                other.without_key.get(join, 0),
                other.first.get(join, []),
            )
        for join, rows in other.left_out.items():
            self.leave_out(join, rows, other.left_out_first[join])

    @property
    def by_join(self) -> dict[str, int]:
        """How many examples have no row, by the name of the join."""
        return {
            join: self.examples.get(join, 0) + self.without_key.get(join, 0)
            for join in sorted({**self.examples, **self.without_key})
        }

    def lines(self) -> list[str]:
        """Returns the counts in readable lines; none if every example has its rows."""
        lines = []
        for join in self.by_join:
            if count := self.examples.get(join, 0):
                keys = ", ".join(quoted(key) for _, _, key in self.first[join])
                lines.append(
                    f"{count:,} {_examples(count)} without a row in `{shown(join)}`, "
                    f"and without its columns: keys such as {keys}"
                )
            if count := self.without_key.get(join, 0):
                lines.append(
                    f"{count:,} {_examples(count)} without a key for `{shown(join)}`, "
                    "and without its columns"
                )
        for join, rows in sorted(self.left_out.items()):
            for reason, count in sorted(rows.items(), key=lambda item: -item[1]):
                counted = f"{count:,} {'row' if count == 1 else 'rows'}"
                lines.append(f"{counted} of `{shown(join)}` left out: {reason}")
                lines += [f"  {words}" for words in self.left_out_first[join][reason]]
        return lines


def _count(counts: dict[str, int], join: str, count: int) -> None:
    if count:
        counts[join] = counts.get(join, 0) + count


def _examples(count: int) -> str:
    return "example" if count == 1 else "examples"
