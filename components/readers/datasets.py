"""Fetches a data set that is published as a wheel, and checks its digest.

The package client of this Python (`python -m pip`) does the download, so its own
settings decide where from; nothing here names an address. A file is trusted for its
SHA-256 digest alone: each call checks the file again, and a file with another digest
is reported, never replaced.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from shardline.components.folders.scratch import remove_dead_scratch, scratch_folder
from shardline.configs.locations import is_remote
from shardline.configs.outputs import is_output_folder
from shardline.configs.schema import Data

# What pip says of troubles on the way, which can pass; other errors of HTTP stay.
_TROUBLE = re.compile(
    r"Retrying \(|Could not fetch URL (?!.* 4(?!08|25|29)\d\d Client Error)"
)
# What pip says where nothing was on the way, and what to do about it.
_STAYS = {
    "DO NOT MATCH THE HASHES": "Check `data.download.sha256`, and where the file is "
    "published",
    "No matching distribution": "Check `data.download.requirement`, and which indexes "
    "pip's settings name",
}


class DatasetError(RuntimeError):
    """A data set could not be had with the digest that was asked for."""


class DownloadError(DatasetError):
    """A download that failed, which it may not do another time."""


def local_path(data: Data, directory: Path) -> Path:
    """Returns where the raw data of a run lies, fetched if need be.

    Args:
        data: the run's data section.
        directory: where downloads are kept.

    Raises:
        DatasetError: the data cannot be had.
    """
    if data.download is None:
        return Path(data.path or "").resolve()
    return fetch(data.download.requirement, data.download.sha256, directory)


def location_of(data: Data, directory: Path) -> str:
    """Returns where the raw data of a run lies, which may be in an object store.

    Args:
        data: the run's data section.
        directory: where downloads are kept.

    Raises:
        DatasetError: the data cannot be had.
    """
    if data.path and is_remote(data.path):
        return data.path
    return str(local_path(data, directory))


def fetch(requirement: str, sha256: str, directory: Path) -> Path:
    """Returns the wheel of a requirement, downloaded if it is not there yet.

    A download takes its final name only once it is whole and checked.

    Args:
        requirement: project and exact version: "name==version".
        sha256: the wheel's digest in lower-case hexadecimal.
        directory: where the wheel is kept; made if need be.

    Returns:
        The wheel in `directory`.

    Raises:
        DatasetError: the requirement is not exact, nobody publishes such a wheel, or a
            wheel has another digest.
        DownloadError: the client failed in another way, which can pass.
    """
    remove_dead_scratch(directory)
    cached = _cached(requirement, directory)
    if cached is not None:
        verify(cached, sha256)
        return cached
    directory.mkdir(parents=True, exist_ok=True)
    with scratch_folder(directory) as scratch:
        wheel = _download(requirement, sha256, scratch)
        verify(wheel, sha256)
        return wheel.replace(directory / wheel.name)


def verify(path: Path, sha256: str) -> None:
    """Checks the digest of a file.

    Args:
        path: the file.
        sha256: the digest it must have, in lower-case hexadecimal.

    Raises:
        DatasetError: the file is not there or has another digest.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file. Fetch the data set first.")
    found = _digest(path)
    if found != sha256:
        raise DatasetError(
            f"{path}: its SHA-256 digest is {found}, expected {sha256}. "
            "Delete the file and run again."
        )


def version_of(data: Data, path: str, *, besides: Collection[Path] = ()) -> str:
    """Returns what changes when the raw data of a run changes, for cache keys.

    Of a local file the content counts. Of a folder the names, sizes and times of change
    of the files count that `data.files` names; a reader may read any of them,
    but for hidden ones, outputs of runs, and `besides`. So do those of an object store.

    Args:
        data: the run's data section.
        path: where the raw data lies.
        besides: local files and folders that are no data.

    Raises:
        DatasetError: there is nothing at the path, or nothing that is matched.
    """
    if os.path.isfile(path):
        return _digest(Path(path))
    if not is_remote(path) and not os.path.isdir(path):
        raise DatasetError(f"{path}: there is no such file or folder (data.path).")
    if data.files:
        side_files = (side.files for side in data.files.join.values())
        files = _matched(path, [*data.files.splits.values(), *side_files])
    elif is_remote(path):
        # A reader of one's own may read any of them.
        files = _matched(path, ["**"], has_leftovers=True)
    else:
        files = {str(file) for file in {*_below(Path(path), besides)} - {*besides}}
    listing = hashlib.sha256()
    for file in sorted(files):
        name = file.removeprefix(path).lstrip("/")
        listing.update(f"{name} {_facts(file)}\n".encode())
    return listing.hexdigest()


def _facts(file: str) -> str:
    """Returns what is likely to change when the content of a file does."""
    from shardline.components.readers.files.locations import facts_of

    if is_remote(file):
        return facts_of(file)
    facts = os.stat(file)
    return f"{facts.st_size} {facts.st_mtime_ns}"


def _matched(
    path: str, patterns: Iterable[str], *, has_leftovers: bool = False
) -> set[str]:
    from shardline.components.readers.files import BadInputError
    from shardline.components.readers.files.locations import matches

    try:
        found = [matches(path, pattern) for pattern in patterns]
    except BadInputError as error:
        raise DatasetError(str(error)) from error
    files = {file for some, _ in found for file in some}
    leftovers = {file for _, some in found for file in some}
    return files | leftovers if has_leftovers else files


def _below(path: Path, besides: Collection[Path]) -> Iterator[Path]:
    """Yields the files that a reader may read."""
    for name, folders, names in os.walk(path):
        folder = Path(name)
        if folder != path and is_output_folder(folders, names):
            folders.clear()
            continue
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and folder / name not in besides
        ]
        yield from (folder / name for name in names if not name.startswith("."))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(requirement: str, directory: Path) -> Path | None:
    """Returns the wheel of the requirement that `directory` holds, if it does."""
    exact = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", requirement)
    if exact is None:
        raise DatasetError(
            f"Requirement {requirement!r} names no single version, expected "
            "'name==version'. Pin the version that the digest belongs to."
        )
    wanted = [_normal(exact[1]), exact[2]]
    for wheel in sorted(directory.glob("*.whl")):
        project, version, *_ = wheel.name.split("-")
        if [_normal(project), version] == wanted:
            return wheel
    return None


def _normal(project: str) -> str:
    """Returns the one spelling of a project's name, as the package index has it."""
    return re.sub(r"[-_.]+", "-", project).lower()


def _download(requirement: str, sha256: str, scratch: Path) -> Path:
    """Downloads one wheel into `scratch` with the package client."""
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "-vv", "--no-input"]
    command += ["--progress-bar=off", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:"]
    command += ["--require-hashes", "-r", str(requirements), "-d", str(scratch)]
    client = subprocess.run(command, capture_output=True, text=True, check=False)
    if client.returncode != 0:
        said = client.stderr.strip().splitlines() or ["nothing"]
        kind, remedy = _what_failed(client.stdout + client.stderr)
        raise kind(
            f"Could not download {requirement} with SHA-256 digest {sha256}: pip "
            f"ended with code {client.returncode} and said last: {said[-1].strip()!r}. "
            f"{remedy}, then run again."
        )
    return next(scratch.glob("*.whl"))


def _what_failed(printed: str) -> tuple[type[DatasetError], str]:
    """Returns the class of the error of a download, and its remedy.

    Args:
        printed: all that pip printed, with its details.
    """
    mismatch, nothing = _STAYS
    if mismatch in printed:
        return DatasetError, _STAYS[mismatch]
    if nothing in printed and not _TROUBLE.search(printed):
        return DatasetError, _STAYS[nothing]
    return DownloadError, "Check the network and pip's settings"
