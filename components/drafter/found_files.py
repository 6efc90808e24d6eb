"""The files to look at: those of folders and archives, and what format each has."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import PurePosixPath
from typing import NamedTuple

from shardline.components.drafter.errors import DraftError
from shardline.components.readers.files import BadInputError, match
from shardline.components.readers.files.checksums import masked_crc32c
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.streams import byte_stream
from shardline.components.remote.archives import is_archive
from shardline.configs.locations import is_remote
from shardline.configs.shown import shown
from shardline.configs.side_files import Format

# What writers leave beside their data.
_NO_DATA = re.compile(r"(^|/)[._][^/]*($|/)|\.(crc|md|pdf|png|jpg|json|yaml|py)$")
_GZIP = b"\x1f\x8b"
_JSON = re.compile(rb"\s*(\[\s*)?\{\s*\"")
_HEAD_BYTES = 12  # a record's length and the checksum of that
_PATTERN = str.maketrans({c: f"[{c}]" for c in "[*?"})


class FoundFile(NamedTuple):
    """A file that may hold examples.

    Attributes:
        location: as `match` gives it.
        name: below the data's path.
        format: as `data.files.format` says.
    """

    location: str
    name: str
    format: Format


class Found(NamedTuple):
    """All files, and the path that they lie below.

    Attributes:
        path: a folder or a zip archive, as `data.path` takes it.
        files: those that may hold examples.
        left_out: why others are none, by name.
    """

    path: str
    files: list[FoundFile]
    left_out: dict[str, str]


def find(arguments: Sequence[str]) -> Found:
    """Returns the files that arguments name.

    Args:
        arguments: files, folders, or one zip archive; at least one.

    Raises:
        DraftError: there is none, or they cannot be one data set.
    """
    path, locations = _located(arguments)
    files, left_out = [], {}
    for location, name in locations.items():
        try:
            format_, fault = _format_of(location)
        except FileFault as error:
            format_, fault = None, str(error)
        if format_:
            files.append(FoundFile(location, name, format_))
        else:
            left_out[name] = fault
    if not files:
        why = "; ".join(f"{shown(name)} {said}" for name, said in left_out.items())
        raise DraftError(
            f"{shown(path)}: there is no file of examples{': ' if why else ''}{why}. "
            "Name files of CSV, Parquet or TFRecord."
        )
    return Found(path, files, left_out)


def pattern_of(names: Sequence[str], others: Sequence[str]) -> str | None:
    """Returns a pattern that some names match and others do not.

    Args:
        names: below the data's path; at least one.
        others: what must not match.

    Returns:
        The pattern; None if one with a single `*` in each part cannot tell them apart.
    """
    if len(names) == 1:
        return names[0].translate(_PATTERN)
    parts = [PurePosixPath(name).parts for name in names]
    if len({len(some) for some in parts}) > 1:
        return None
    pattern = "/".join(_common(some) for some in zip(*parts, strict=True))
    return None if any(_matches(other, pattern) for other in others) else pattern


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _located(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Returns the data's path, and the names below it by location."""
    try:
        archives = [argument for argument in arguments if is_archive(argument)]
        if archives and len(arguments) > 1:
            raise DraftError(
                f"{shown(archives[0])} is a zip archive, which must be the only "
                "argument. Name it alone, or take its files out."
            )
        if archives:
            return archives[0], _below(archives[0], "")
        folders = [a if _is_folder(a) else os.path.dirname(a) for a in arguments]
        path = _common_folder(folders)
        found: dict[str, str] = {}
        for argument in arguments:
            if _is_folder(argument):
                found |= _below(argument, os.path.relpath(argument, path))
            else:
                (location,) = match(argument, os.path.basename(argument))
                found[location] = os.path.relpath(argument, path)
    except BadInputError as error:
        raise DraftError(str(error)) from error
    return path, found


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)


def _common_folder(folders: Sequence[str]) -> str:
    if len(set(folders)) == 1:
        return folders[0] or "."
    if any(is_remote(folder) for folder in folders):
        raise DraftError("The files lie in several folders. Name their common folder.")
    common = os.path.commonpath([os.path.abspath(folder) for folder in folders])
    return common if any(map(os.path.isabs, folders)) else os.path.relpath(common)


def _below(path: str, prefix: str) -> dict[str, str]:
    """Returns the names of the files below a folder or archive, by location."""
    names: dict[str, str] = {}
    for location in match(path, "**/*"):
        name = location.removeprefix(path).lstrip("!").lstrip("/")
        if not _NO_DATA.search(name):
            names[location] = name if prefix in ("", ".") else f"{prefix}/{name}"
    return names


def _format_of(location: str) -> tuple[Format | None, str]:
    """Returns the format of a file; None and why if it has none that is read."""
    with byte_stream(location) as stream:
        start = stream.read(_HEAD_BYTES)
    if not start.strip():
        return None, "is empty"
    if start.startswith(b"PAR1"):
        return "parquet", ""
    if start.startswith(_GZIP):
        return None, "is a gzip: name it with `.gz` at the end"
    if _starts_a_record(start):
        return "tfrecord", ""
    if start.lstrip().lower().startswith((b"<html", b"<!doctype", b"<?xml", b"%pdf")):
        return None, "is a page or document, and no table"
    if _JSON.match(start):
        return None, "is JSON: write it as Parquet, by pandas for example"
    return "csv", ""


def _starts_a_record(start: bytes) -> bool:
    checksum = int.from_bytes(start[8:], "little")
    return len(start) == _HEAD_BYTES and masked_crc32c(start[:8]) == checksum


def _common(parts: Sequence[str]) -> str:
    """Returns a part of a path, with `*` where several differ."""
    first = parts[0]
    if len(set(parts)) == 1:
        return first.translate(_PATTERN)
    start = _common_start(parts)
    end = _common_start([part[len(start) :][::-1] for part in parts])[::-1]
    # A number in the middle of names differs as a whole.
    start = start.rstrip("0123456789")
    return f"{start.translate(_PATTERN)}*{end.lstrip('0123456789').translate(_PATTERN)}"


def _common_start(texts: Sequence[str]) -> str:
    alike = takewhile(lambda chars: len(set(chars)) == 1, zip(*texts, strict=False))
    return "".join(chars[0] for chars in alike)
