"""Where files are: patterns in folders and archives, and opening what they match.

A member of a zip archive, which a wheel is one of, is named `ARCHIVE!/MEMBER`. Places
with a scheme, such as `gs://`, are TensorFlow's; the import of TensorFlow takes seconds
and is done for those only.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

from shardline.components.readers.files.judging.bad_input import BadInputError
from shardline.components.remote.archives import is_archive, open_archive
from shardline.components.remote.files import as_os_errors, open_remote
from shardline.configs.locations import is_remote
from shardline.configs.outputs import is_output_folder
from shardline.configs.shown import escaped, shown

# Stand for the name of a span and the number of its version, anything here.
SPAN = "{SPAN}"
VERSION = "{VERSION}"

_SAMPLES, _SAMPLE_BYTES = 16, 1 << 16  # of a large file, to tell whether it changed
_MEMBER = "!/"
_HIDDEN = ("_", ".")  # what names of leftovers begin with
_NAMED = 10  # of what is there, in messages
_SPLITS = "data.files.splits"


class NoFileError(BadInputError):
    """No file was found.

    Attributes:
        fact: the message without what to do about it, which is another thing for who
            has named files by no configuration.
    """

    def __init__(self, fact: str, remedy: str) -> None:
        """Makes the message of a fact and a remedy."""
        super().__init__(f"{fact} {remedy}")
        self.fact = fact


class Matches(NamedTuple):
    """What a pattern finds.

    Attributes:
        files: places that `opened` takes, sorted.
        leftovers: those that match and are left out, sorted: a part of their name
            begins with `_` or `.`, as names do that distributed writers leave, and the
            pattern's part does not.
    """

    files: list[str]
    leftovers: list[str]


def match(path: str, pattern: str, key: str = _SPLITS) -> list[str]:
    """Finds files, without what distributed writers leave beside them.

    Args:
        path: a folder, a single file, or a zip archive.
        pattern: as `matches` takes it.
        key: of the configuration, which has the pattern.

    Returns:
        Places that `opened` takes, sorted.

    Raises:
        BadInputError: there is nothing at the path, or nothing that matches.
    """
    return matches(path, pattern, key).files


def matches(path: str, pattern: str, key: str = _SPLITS) -> Matches:
    """Finds files; those in the output folder of a run are no data.

    Args:
        path: a folder, a single file, or a zip archive.
        pattern: of their names below the path: `*`, `?` and `[...]` inside a name,
            `**` for any number of folders; `{SPAN}` and `{VERSION}` are as `*` here.
        key: of the configuration, which has the pattern.

    Raises:
        NoFileError: there is nothing at the path, or nothing that matches.
    """
    try:
        names = dict(_below(path))
    except OSError as error:
        raise NoFileError(
            f"{escaped(path, keep='')}: cannot be read: {error.strerror or error}.",
            "Set `data.path` to a folder, file or zip archive that can.",
        ) from error
    wanted = pattern.replace(SPAN, "*").replace(VERSION, "*").split("/")
    found = {
        name: location
        for name, location in names.items()
        if _matches(name.split("/"), wanted)
    }
    files = sorted(
        location
        for name, location in found.items()
        # A file that `path` itself names is meant.
        if location == path or _matches(name.split("/"), wanted, is_strict=True)
    )
    leftovers = sorted(set(found.values()) - set(files))
    if not found:
        there = [shown(name) for name in sorted(names)[:_NAMED]]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise NoFileError(
            f"{escaped(path, keep='')}: no file matches `{shown(pattern)}`; there is "
            f"{', '.join(there) or 'nothing'}{more}.",
            f"Correct `{key}` or `data.path`.",
        )
    if not files:
        raise BadInputError(
            f"{escaped(path, keep='')}: {leftovers_said(leftovers)}, and no other file "
            f"matches `{shown(pattern)}`. Write `_` or `.` in `{key}` where such names "
            "are meant."
        )
    return Matches(files, leftovers)


def leftovers_said(leftovers: Sequence[str]) -> str:
    """Returns in words that files of distributed writers are left out.

    Args:
        leftovers: one at least, as `matches` gives them.
    """
    files = (
        "file whose name begins" if len(leftovers) == 1 else "files whose names begin"
    )
    return (
        f"{len(leftovers):,} {files} with `_` or `.` left out, such as "
        f"{escaped(leftovers[0], keep='')}"
    )


def _below(path: str) -> Iterator[tuple[str, str]]:
    """Yields (name below the path, location) of every file."""
    if is_remote(path) and not is_archive(path):
        yield from _below_remote(path.rstrip("/"))
    elif os.path.isdir(path):
        for folder, folders, names in os.walk(path, onerror=_raise):
            if folder != path and is_output_folder(folders, names):
                folders.clear()
                continue
            folders.sort()
            for name in names:
                location = os.path.join(folder, name)
                yield os.path.relpath(location, path).replace(os.sep, "/"), location
    elif is_archive(path):
        with open_archive(path) as archive:
            for member in archive.namelist():
                if not member.endswith("/"):
                    yield member, f"{path}{_MEMBER}{member}"
    else:
        os.stat(path)
        yield os.path.basename(path), path


def _below_remote(path: str) -> Iterator[tuple[str, str]]:
    gfile = _gfile()
    with as_os_errors(path):
        if not gfile.isdir(path):
            if not gfile.exists(path):
                raise FileNotFoundError(2, "no such file or folder")
            yield path.rpartition("/")[2], path
        for folder, _, names in gfile.walk(path):
            for name in names:
                location = f"{folder.rstrip('/')}/{name}"
                yield location.removeprefix(path).lstrip("/"), location


def _raise(error: OSError) -> None:
    raise error


def _matches(
    name: Sequence[str], pattern: Sequence[str], *, is_strict: bool = False
) -> bool:
    """Tells whether a name matches; strictly, its `_` and `.` stand in the pattern."""
    if not pattern or not name:
        return not name and all(part == "**" for part in pattern)
    rest = {"is_strict": is_strict}
    is_hidden = is_strict and name[0].startswith(_HIDDEN)
    if pattern[0] == "**":
        is_skipped = not is_hidden and _matches(name[1:], pattern, **rest)
        return is_skipped or _matches(name, pattern[1:], **rest)
    if is_hidden and not pattern[0].startswith(_HIDDEN):
        return False
    return fnmatch.fnmatchcase(name[0], pattern[0]) and _matches(
        name[1:], pattern[1:], **rest
    )


def opened(file: str) -> IO[bytes]:
    """Opens a location for reading; what it gives can seek.

    Raises:
        OSError: it cannot be opened.
    """
    archive, member = _archive_and_member(file)
    if not member:
        return open_remote(file) if is_remote(file) else open(file, "rb")
    with open_archive(archive) as members:
        try:
            return members.open(member)
        except KeyError as error:
            raise FileNotFoundError(2, "no such member of the archive") from error


def size_of(file: str) -> int:
    """Returns the bytes of a location.

    Raises:
        OSError: it cannot be opened.
    """
    with opened(file) as source:
        return source.seek(0, io.SEEK_END)


def facts_of(file: str) -> str:
    """Returns what changes when the content of a file does, and not by a copy of it.

    Of a local file that is the size and samples of its bytes, of a small one all; of a
    member of an archive size and checksum; elsewhere size and time, as reading costs.

    Raises:
        OSError: there is no such file.
    """
    archive, member = _archive_and_member(file)
    if member:
        with open_archive(archive) as members:
            info = members.getinfo(member)
            return f"{info.file_size} {info.CRC:08x}"
    if is_remote(file):
        with as_os_errors(file):
            facts = _gfile().stat(file)
        return f"{facts.length} {facts.mtime_nsec}"
    size = os.stat(file).st_size
    digest = hashlib.sha256()
    with open(file, "rb") as source:
        last = max(0, size - _SAMPLE_BYTES)
        step = max(_SAMPLE_BYTES, -(-last // (_SAMPLES - 1)))
        for start in (*range(0, last, step), last):
            source.seek(start)
            digest.update(source.read(_SAMPLE_BYTES))
    return f"{size} {digest.hexdigest()}"


def _archive_and_member(file: str) -> tuple[str, str]:
    archive, _, member = file.partition(_MEMBER)
    if member and is_archive(archive):
        return archive, member
    return file, ""


def _gfile() -> Any:
    from tensorflow.io import gfile

    return gfile
