"""What a checkpoint set says of itself.

The manifest is the last file of a set to appear: what has none is no set.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

FORMAT = 1

Kind = Literal["full", "differential"]
# How the rows of a set are held. All but the first lose digits.
Rows = Literal["float32", "float16", "int8"]


class ManifestError(ValueError):
    """A manifest that is damaged, or of another format."""


@dataclasses.dataclass(frozen=True)
class StoredTable:
    """What a set holds of one table.

    Attributes:
        rows: rows of the table.
        dim: values in a row.
        slots: names of the optimizer's slots.
        stored_rows: how many rows the set holds: all, or those that were touched.
    """

    rows: int
    dim: int
    slots: tuple[str, ...]
    stored_rows: int


@dataclasses.dataclass(frozen=True)
class StoredFile:
    """A file of a set.

    Attributes:
        bytes: its size.
        sha256: its digest; None for files whose pieces have checksums in the index.
    """

    bytes: int
    sha256: str | None = None


@dataclasses.dataclass(frozen=True)
class Saving:
    """How a set was saved.

    Attributes:
        started: when, in ISO 8601 with the offset from UTC.
        seconds: how long it took, up to the manifest.
        pause_seconds: for how long training stood still.
        bytes: the size of all files but the manifest.
    """

    started: str
    seconds: float
    pause_seconds: float
    bytes: int


@dataclasses.dataclass(frozen=True)
class SetManifest:
    """The manifest of a checkpoint set.

    Attributes:
        kind: "full", or "differential": only rows that were touched since the parent.
        step: training steps behind the set.
        parent: name of the set that a differential one builds on.
        parent_digest: the digest of its manifest.
        depth: how many differential sets lie between this one and a full one, this one
            included; 0 for a full set.
        hosts: how many hosts wrote it.
        tables: the tables, by name.
        files: the files, by name.
        lineage: digests of what the training depends on, such as its configuration.
        state: what the training needs beside variables to go on, as JSON has it.
        saving: how it was saved.
        rows: how the rows are held.
    """

    kind: Kind
    step: int
    parent: str | None
    parent_digest: str | None
    depth: int
    hosts: int
    tables: Mapping[str, StoredTable]
    files: Mapping[str, StoredFile]
    lineage: Mapping[str, str]
    state: Mapping[str, Any]
    saving: Saving
    rows: Rows = "float32"

    @property
    def digest(self) -> str:
        """The digest of everything that the manifest says."""
        return _digest(self._content())

    def to_json(self) -> str:
        """Returns the text of the manifest's file."""
        content = self._content()
        return json.dumps({**content, "digest": _digest(content)}, indent=1) + "\n"

    def _content(self) -> dict[str, Any]:
        # As it will be read: tuples are lists there, and keys are text.
        content: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return {"format": FORMAT, **content}


def manifest_from_json(text: str, path: str) -> SetManifest:
    """Reads a manifest.

    Args:
        text: the content of its file.
        path: of the file, for messages.

    Raises:
        ManifestError: if it is not what was written, or of another format.
    """
    try:
        content = json.loads(text)
        number = content["format"]
        digest = content.pop("digest")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{path} is no manifest of a checkpoint set.") from error
    if digest != _digest(content):
        raise ManifestError(f"{path} is damaged: it does not have its own digest.")
    if number != FORMAT:
        raise ManifestError(
            f"{path} has format {number}, and format {FORMAT} can be read here. Use "
            "the version of Shardline that wrote it."
        )
    manifest = _manifest(
        {key: content[key] for key in content if key != "format"}, path
    )
    # Of blanks and line ends, JSON's values tell nothing.
    if manifest.to_json() != text:
        raise ManifestError(f"{path} is damaged: it is not as it was written.")
    return manifest


def _manifest(content: dict[str, Any], path: str) -> SetManifest:
    try:
        content["tables"] = {
            name: StoredTable(**{**table, "slots": tuple(table["slots"])})
            for name, table in content["tables"].items()
        }
        content["files"] = {
            name: StoredFile(**file) for name, file in content["files"].items()
        }
        content["saving"] = Saving(**content["saving"])
        manifest = SetManifest(**content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{path} is no manifest of format {FORMAT}.") from error
    if manifest.kind not in get_args(Kind) or manifest.rows not in get_args(Rows):
        raise ManifestError(f"{path} is of an unknown kind: {manifest.kind}.")
    return manifest


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
