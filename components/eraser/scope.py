"""What is erased, and in which tables and columns it may stand."""

import dataclasses
import functools
import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from shardline.components.contracts.erasures.columns import (
    ErasableColumn,
    erasable_columns,
    read_columns,
)
from shardline.components.contracts.erasures.examples import ColumnErasure, Erasure
from shardline.configs.schema import Run

# Between the two parts of a crossed token.
_SEPARATOR = b"_X_"
_FEWEST_CHARACTERS = 6
_FEWEST_DIGITS = 9
_MANY_CHARACTERS = 20
_MOST_SHOWN = 5


class EraseError(ValueError):
    """Ids that cannot be erased, or are still there."""


@dataclasses.dataclass(frozen=True)
class Scope:
    """What is erased.

    Attributes:
        feature: the feature that was named.
        table: its table; all features of the table are concerned.
        kind: how tokens become ids there: "vocabulary", "hash" or "range".
        tokens: the ids, as vocabularies have them.
        columns: the raw columns that hold them.
        read: all raw columns that the run reads.
        crosses: by table of crossed features, in which of a pair's places ids stand.
        others: all other tables of the run, which keep equal tokens.
        names: what messages name where they show a value of the columns: these, and
            what they are called in side files.
    """

    feature: str
    table: str
    kind: str
    tokens: frozenset[bytes]
    columns: Mapping[str, ErasableColumn]
    read: frozenset[str]
    crosses: Mapping[str, frozenset[int]]
    others: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @functools.cached_property
    def distinctive(self) -> frozenset[bytes]:
        """The ids that are no chance equality wherever they stand."""
        return frozenset(filter(is_distinctive, self.tokens))

    @property
    def common(self) -> frozenset[bytes]:
        """The other ids: they are looked for where their columns' values stand."""
        return self.tokens - self.distinctive

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that have rows of the ids: their own, and those of crosses."""
        return (self.table, *sorted(self.crosses.keys() - {self.table}))

    @property
    def rows(self) -> dict[str, list[int]]:
        """The rows of ids that are rows themselves, by table."""
        return (
            {self.table: sorted(map(int, self.tokens))} if self.kind == "range" else {}
        )

    @property
    def erasure(self) -> Erasure:
        """What is erased from raw examples."""
        return Erasure(
            {
                name: ColumnErasure(self.tokens, column.ragged, column.weights)
                for name, column in self.columns.items()
            },
            self.distinctive,
            self.read,
        )

    def is_erased(self, vocabulary: str, token: bytes) -> bool:
        """Returns whether a token of a vocabulary is, or is made of, an id.

        Args:
            vocabulary: the table that it is of. One that is no table of the run, such
                as that of a function of the user's own, loses distinctive ids.
            token: a line of it.
        """
        if vocabulary in self.others:
            return False
        if vocabulary not in self.tables:
            return token in self.distinctive
        if vocabulary == self.table and token in self.tokens:
            return True
        return any(
            part in self.tokens
            for place in self.crosses.get(vocabulary, ())
            for part in _parts(token, place)
        )


def scope_of(run: Run, feature: str, ids: Path) -> Scope:
    """Returns what is to be erased.

    Args:
        run: the configuration.
        feature: the name of the feature whose ids they are.
        ids: the file of them, one a line.

    Raises:
        EraseError: if there is no such feature, or ids of it cannot be erased, or the
            file holds what is no id of it.
    """
    features = run.feature_set.features
    if feature not in features:
        raise EraseError(
            f"There is no feature `{feature}`; there are {', '.join(sorted(features))}."
        )
    named = features[feature]
    kind = named.ids.kind
    if named.cross:
        raise EraseError(
            f"Feature `{feature}` is a cross. Name a feature that reads one of its "
            f"columns, {named.cross[0]} and {named.cross[1]}: crosses lose the ids too."
        )
    if kind == "quantiles":
        raise EraseError(
            f"Feature `{feature}` holds numbers in intervals: `{named.ids}`. No row is "
            "of one value, so there is nothing to erase."
        )
    dtype = run.feature_set.dtype_of(named.table)
    tokens = _read_tokens(ids, dtype == "int64", named.ids.range)
    columns = {
        name: column
        for name, column in erasable_columns(run.feature_set).items()
        if named.table in column.tables
    }
    for name, other in run.feature_set.features_of(named.table).items():
        if other.default is not None and str(other.default).encode() in tokens:
            raise EraseError(
                f"Feature `{name}`: an id in {ids} is its `default`, which stands in "
                "for missing values and would come back. Leave it out of the file."
            )
    crosses = _crosses(run, columns)
    judged = (run.evaluation.group_by, *run.evaluation.slices)
    target = (run.data.label, run.data.example_weight)
    return Scope(
        feature=feature,
        table=named.table,
        kind=kind,
        tokens=tokens,
        columns=columns,
        read=frozenset(read_columns(run.feature_set, *target, *judged)),
        crosses=crosses,
        others=frozenset(run.feature_set.tables) - {named.table, *crosses},
        names=frozenset([*columns, *_names_in_side_files(run, columns)]),
    )


def is_distinctive(token: bytes) -> bool:
    """Returns whether a token is told from other text and numbers by itself.

    It is if it has 6 characters or more, letters and digits among them, or an @; or 9
    digits or more; or 20 characters without a blank.

    Args:
        token: such as `u-10447` or `ann@example.org`, which are, and `17` or `Drama`,
            which are not.
    """
    digits = sum(48 <= byte < 58 for byte in token)
    has_letter = re.search(rb"[A-Za-z\x80-\xff]", token) is not None
    if len(token) < _FEWEST_CHARACTERS:
        return False
    if digits >= _FEWEST_DIGITS or (digits and has_letter) or b"@" in token:
        return True
    return len(token) >= _MANY_CHARACTERS and not re.search(rb"\s", token)


def _crosses(run: Run, columns: Container[str]) -> dict[str, frozenset[int]]:
    places: dict[str, set[int]] = {}
    for feature in run.feature_set.features.values():
        for place, column in enumerate(feature.cross or ()):
            if column in columns and feature.ids.kind == "vocabulary":
                places.setdefault(feature.table, set()).add(place)
    return {table: frozenset(found) for table, found in places.items()}


def _names_in_side_files(run: Run, columns: Container[str]) -> Iterator[str]:
    """Yields what messages on side files name where they show an id."""
    for name, side in run.data.files.join.items() if run.data.files else ():
        if side.key in columns:
            yield from (name, side.key_in_files)
        yield from (there for here, there in side.columns.items() if here in columns)


def _parts(token: bytes, place: int) -> list[bytes]:
    """Returns what may stand in a place of a pair, for values may hold a separator."""
    pieces = token.split(_SEPARATOR)
    cuts = range(1, len(pieces))
    if place == 0:
        return [_SEPARATOR.join(pieces[:cut]) for cut in cuts]
    return [_SEPARATOR.join(pieces[cut:]) for cut in cuts]


def _read_tokens(path: Path, are_numbers: bool, size: int | None) -> frozenset[bytes]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EraseError(f"{path} cannot be read: {error.strerror}.") from error
    lines = {
        number: line.rstrip(b"\r")
        for number, line in enumerate(content.split(b"\n"), start=1)
        if line.rstrip(b"\r")
    }
    if not lines:
        raise EraseError(f"{path} is empty; expected one id a line.")
    if not are_numbers:
        return frozenset(lines.values())
    bad = [
        number
        for number, line in lines.items()
        if not re.fullmatch(rb"-?\d{1,19}", line.strip())
        or (size is not None and not 0 <= int(line) < size)
    ]
    if bad:
        shown = ", ".join(map(str, bad[:_MOST_SHOWN]))
        wanted = "whole numbers" if size is None else f"ids from 0 to {size - 1}"
        raise EraseError(
            f"{path}: what stands in line {shown} is no id of the feature, which has "
            f"{wanted}. Correct the file."
        )
    return frozenset(b"%d" % int(line) for line in lines.values())
