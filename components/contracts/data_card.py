"""What became of raw data: how many examples were made of it, and what was left out.

It lies beside the examples, and in short among their properties in ML Metadata; the
summary of a run and the model card are made of it.
"""

import json
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf
from pydantic import Field
from tfx.types import Artifact

from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.contracts.erasures.told import without_erased
from shardline.components.contracts.text_file import write_text
from shardline.components.readers.files import BadInput, Tally
from shardline.components.readers.files.joins.join import Join
from shardline.configs.section import Section

# Why an example was left out that holds an erased id.
ERASED = "an id was erased"

_FILE = "reading.json"
_ERASED_FILE = "erased.json"
_SPLIT = "examples_"  # begins the property of the number of examples of a split
_LEFT_OUT = "left_out"
_MOST_LETTERS = 1000  # of a property's text


class DataCounts(Section):
    """What became of raw data, without its location.

    Attributes:
        examples: the examples by split, made of it.
        rows: in the files, good and bad; None where a reader does not tell.
        left_out: the rows of them that were left out.
        reasons: how many were left out for each.
        erased: examples that were left out because an id in them was erased.
        bad_files: what is wrong with each, by its name below the data's path.
        empty_files: names of those without rows.
        without_row: how many examples have no row of side files, by their join.
        side_files: what changes when the side files of a join do, by its name.
    """

    examples: dict[str, int]
    rows: int | None = None
    left_out: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    erased: int = 0
    bad_files: dict[str, str] = Field(default_factory=dict)
    empty_files: list[str] = Field(default_factory=list)
    without_row: dict[str, int] = Field(default_factory=dict)
    side_files: dict[str, str] = Field(default_factory=dict)


class DataCard(DataCounts):
    """What became of raw data.

    Attributes:
        lines: what was left out, for people, with the first locations.
    """

    lines: list[str] = Field(default_factory=list)

    @property
    def counts(self) -> DataCounts:
        """The card without locations, for the model card."""
        return DataCounts(**self.model_dump(exclude={"lines"}))

    def without_erased(self, erasure: Erasure | None) -> "DataCard":
        """Returns the card, whose lines show no value that was erased.

        Args:
            erasure: what was erased; None if nothing ever was.
        """
        if erasure is None:
            return self
        lines = [without_erased(line, erasure) for line in self.lines]
        return self.model_copy(update={"lines": lines})

    @property
    def left_out_line(self) -> str:
        """What was left out, and what has no row of side files, in a line."""
        unmatched = [
            f"{count:,} without a row in `{name}`"
            for name, count in self.without_row.items()
        ]
        return "; ".join([self._left_out, *unmatched])

    @property
    def _left_out(self) -> str:
        if self.rows is None:
            erased = f"; {self.erased:,} examples erased" if self.erased else ""
            return f"not told by the reader{erased}"
        if not (self.left_out or self.bad_files or self.empty_files):
            return f"none of {self.rows:,} examples"
        parts = []
        if self.left_out:
            share = self.left_out / self.rows
            parts.append(f"{self.left_out:,} of {self.rows:,} examples ({share:.2%})")
        if self.bad_files:
            parts.append(f"what {_files(len(self.bad_files))} held from a fault on")
        if self.empty_files:
            parts.append(f"{_files(len(self.empty_files))} without rows")
        return ", ".join(parts)


def data_card_of(
    examples: dict[str, int],
    tally: Tally,
    bad: BadInput,
    path: str,
    erased: int = 0,
    joins: Sequence[Join] = (),
) -> DataCard:
    """Returns what became of files.

    Args:
        examples: the examples by split.
        tally: the tally of all files.
        bad: what was left out.
        path: the path of the data.
        erased: examples that were read, and left out because an id was erased.
        joins: what was joined to the examples.
    """
    given = sum(sum(splits.values()) for splits in tally.given.values())
    return DataCard(
        examples=examples,
        rows=given + bad.left_out,
        left_out=bad.left_out + erased,
        reasons={**bad.rows, **({ERASED: erased} if erased else {})},
        erased=erased,
        lines=bad.lines(),
        bad_files={_below(path, file): fault for file, fault in bad.files.items()},
        empty_files=[_below(path, file) for file in bad.empty],
        without_row=bad.unmatched.by_join,
        side_files={join.name: join.digest for join in joins},
    )


def save_data_card(artifact: Artifact, data_card: DataCard) -> None:
    """Writes a data card beside examples, and in short as their properties."""
    with tf.io.gfile.GFile(os.path.join(artifact.uri, _FILE), "w") as file:
        file.write(data_card.model_dump_json(indent=2))
    record_counts(artifact, data_card.examples)
    if data_card.rows is None:
        return
    left_out: dict[str, int | str] = {
        _LEFT_OUT: data_card.left_out,
        "bad_files": len(data_card.bad_files),
        "empty_files": len(data_card.empty_files),
    }
    if data_card.lines:
        left_out["left_out_told"] = _beginning("\n".join(data_card.lines))
    record_properties(artifact, left_out)


def load_data_card(uri: str) -> DataCard | None:
    """Returns the data card beside examples; None if there is none.

    Args:
        uri: the uri of the examples.
    """
    path = os.path.join(uri, _FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return DataCard.model_validate_json(file.read())


def record_counts(artifact: Artifact, examples: dict[str, int]) -> None:
    """Tells in ML Metadata how many examples each split has."""
    counts = {f"{_SPLIT}{split}": count for split, count in examples.items()}
    record_properties(artifact, counts)


def recorded_count(artifacts: list[Artifact], split: str) -> int | None:
    """Returns how many examples of a split artifacts tell; None if one does not.

    Those that were erased since are not counted.
    """
    counts = [
        artifact.get_int_custom_property(f"{_SPLIT}{split}")
        - erased_since(artifact.uri).get(split, 0)
        for artifact in artifacts
        if split in artifact.splits and artifact.has_custom_property(f"{_SPLIT}{split}")
    ]
    holders = [artifact for artifact in artifacts if split in artifact.splits]
    return sum(counts) if len(counts) == len(holders) else None


def erased_since(uri: str) -> dict[str, int]:
    """Returns how many examples were erased since they were written, by split.

    ML Metadata tells how many were written: a change of it would let all that was made
    of them be made anew.

    Args:
        uri: of the examples.
    """
    path = os.path.join(uri, _ERASED_FILE)
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        erased: dict[str, int] = json.load(file)
    return erased


def tell_erased(folder: str, erased: Mapping[str, int]) -> None:
    """Tells beside examples how many of them were erased since they were written.

    Args:
        folder: of the examples; what it told before is replaced.
        erased: by split, all that ever were.
    """
    write_text(folder, _ERASED_FILE, json.dumps(dict(erased), sort_keys=True))


def is_of_files(artifact: Artifact) -> bool:
    """Tells whether examples were read of files, whose columns were looked at."""
    return bool(artifact.has_custom_property(_LEFT_OUT))


def _beginning(text: str) -> str:
    """Returns as much of a text as a property takes, and no part of a word.

    Of a part of an id, nobody could tell that the id is to be erased.
    """
    if len(text) <= _MOST_LETTERS:
        return text
    cut = text[:_MOST_LETTERS]
    return cut[: max(cut.rfind("\n"), cut.rfind(" "), 0)]


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _below(path: str, file: str) -> str:
    name = file.removeprefix(path).lstrip("/!")
    return name or os.path.basename(file)
