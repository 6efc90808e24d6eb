"""What is joined to examples, and where its side files are."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shardline.components.readers.files.locations import facts_of, match, opened
from shardline.configs.data import Files
from shardline.configs.locations import absolute_location, is_remote
from shardline.configs.side_files import SideFiles

if TYPE_CHECKING:
    from shardline.components.readers.files.read_settings import ReadSettings

_MEMBER = "!/"
_BLOCK_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Join:
    """Side files whose rows are joined to examples; picklable.

    Attributes:
        name: the configuration's name of it.
        pattern: of the files, below the data's path.
        key: the column of the examples that holds the key.
        key_in_files: the column of the side files that holds it.
        columns: those that examples get: their names here, and in the files.
        reading: how the side files are read, all of their columns by their names there.
        files: locations; none before `located`.
        digest: changes when the content of the files does.
    """

    name: str
    pattern: str
    key: str
    key_in_files: str
    columns: Mapping[str, str]
    reading: ReadSettings
    files: tuple[str, ...] = ()
    digest: str = ""

    @property
    def config_key(self) -> str:
        """The key of the configuration that says what is joined."""
        return f"data.files.join.{self.name}"

    def located(self, path: str) -> Join:
        """Returns the join with the files that there are.

        Args:
            path: the folder, file or zip archive of the data.

        Raises:
            BadInputError: no file matches the pattern.
        """
        files = match(path, self.pattern, f"{self.config_key}.files")
        digest = hashlib.sha256()
        for file in files:
            name = file.removeprefix(path).lstrip("/!")
            digest.update(f"{name} {_content_of(file)}\n".encode())
        return dataclasses.replace(
            self, files=tuple(files), digest=digest.hexdigest()[:32]
        )

    def absolute(self) -> Join:
        """Returns the same join, as processes in other folders find its files."""
        files = tuple(map(absolute_location, self.files))
        return dataclasses.replace(self, files=files)


def _content_of(file: str) -> str:
    """Returns what changes when a file's content does.

    Of a local file all is hashed, for all of it will be read, too.
    """
    if is_remote(file) or _MEMBER in file:
        return facts_of(file)
    with opened(file) as source:
        digest = hashlib.sha256()
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
        return digest.hexdigest()


def joins_of(files: Files, settings: ReadSettings) -> tuple[Join, ...]:
    """Returns the joins that give a column which is read, with these columns alone.

    Args:
        files: section `data.files`.
        settings: how the examples are read, without joins.
    """
    needed = {*settings.columns, *settings.looked_at}
    joins: list[Join] = []
    # A key may be a column of a join before.
    keys: set[str] = set()
    for name, side in reversed(files.join.items()):
        columns = {h: t for h, t in side.columns.items() if h in needed | keys}
        if columns:
            reading = _reading(name, side, columns, keys & set(columns), settings)
            joins.insert(
                0,
                Join(name, side.files, side.key, side.key_in_files, columns, reading),
            )
            keys.add(side.key)
    return tuple(joins)


def _reading(
    name: str,
    side: SideFiles,
    columns: Mapping[str, str],
    keys: set[str],
    settings: ReadSettings,
) -> ReadSettings:
    """Returns how side files are read: as the examples, unless they say otherwise.

    Args:
        name: of the join.
        side: what the configuration says of it.
        columns: those that are read.
        keys: those of them that are keys of other joins.
        settings: how the examples are read.
    """
    own = {
        key: getattr(side, key)
        for key in ("format", "dialect", "list_separator", "list_strip")
        if getattr(side, key) is not None
    }
    pairs = [
        (columns[weights], columns[ids])
        for weights, ids in settings.paired
        if weights in columns and ids in columns
    ]
    hold_keys = {columns[here] for here in keys} | {side.key_in_files}
    # A split is told by what the side files have, as they have it.
    held_out = {
        split: rule.model_copy(update={"column": columns[rule.column]})
        for split, rule in settings.held_out.items()
        if rule.column is not None and rule.column in columns
    }
    changes: dict[str, Any] = {
        "columns": {
            there: settings.columns[here]
            for here, there in columns.items()
            if here in settings.columns
        },
        "paired": tuple(pairs),
        "crossed": (),
        "label": columns.get(settings.label or ""),
        "positive_from": None,
        "held_out": held_out,
        "split": name,
        "keys": tuple(sorted(hold_keys)),
    }
    return dataclasses.replace(settings, **own, **changes)
