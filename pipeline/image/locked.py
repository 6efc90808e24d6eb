"""Prints the part of `requirements.lock` that some extras of the project need.

A container image installs nothing else. The lock notes with each package which ones ask
for it (`# via`), and by these notes the packages are found: nothing is resolved anew,
and versions and hashes are those of the lock. It runs in a build before anything is
installed, and so imports the standard library only.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOCK = "requirements.lock"
_PROJECT = "pyproject.toml"
_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Entry:
    """A package of a lock.

    Attributes:
        text: its lines: name, version, hashes and notes.
        asked_by: the canonical names of the packages that ask for it.
    """

    text: str
    asked_by: frozenset[str]


def read_lock(text: str) -> dict[str, Entry]:
    """Returns the packages of a lock by canonical name, in its order.

    Args:
        text: what `uv pip compile --generate-hashes` wrote.
    """
    _, *entries = _ENTRY.split(text)
    return {_name_of(entry): Entry(entry, _asked_by(entry)) for entry in entries}


def needed(lock: dict[str, Entry], roots: Iterable[str]) -> list[str]:
    """Returns the text of packages and of those that they ask for, in the lock's order.

    Args:
        lock: by canonical name.
        roots: canonical names of the packages to begin with.

    Raises:
        LookupError: if the lock does not have a package.
    """
    kept = set(roots)
    if missing := sorted(kept - lock.keys()):
        raise LookupError(f"{_LOCK}: it has no {', '.join(missing)}; run `make lock`")
    asked_for: dict[str, set[str]] = {}
    for name, entry in lock.items():
        for other in entry.asked_by:
            asked_for.setdefault(other, set()).add(name)
    waiting = list(kept)
    while waiting:
        new = asked_for.get(waiting.pop(), set()) - kept
        kept |= new
        waiting += new
    return [entry.text for name, entry in lock.items() if name in kept]


def of_extras(project: dict[str, Any], extras: Iterable[str]) -> set[str]:
    """Returns the canonical names of what a project and its extras require.

    Args:
        project: the table `project` of `pyproject.toml`.
        extras: names of optional dependencies.

    Raises:
        LookupError: if the project has no such extra.
    """
    optional = project["optional-dependencies"]
    lines = list(project["dependencies"])
    for extra in extras:
        if extra not in optional:
            known = ", ".join(sorted(optional))
            told = f"{_PROJECT}: no extra is called {extra!r}; there are {known}"
            raise LookupError(told)
        lines += optional[extra]
    return {_name_of(line) for line in lines}


def _name_of(requirement: str) -> str:
    """Returns the canonical name at the start of a requirement."""
    found = _NAME.match(requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def _asked_by(entry: str) -> frozenset[str]:
    """Returns the names in the notes of an entry, which end it."""
    _, _, notes = entry.partition("    # via")
    return frozenset(map(_name_of, _NAME.findall(notes)))


def main() -> None:
    """Prints for the lock and the project in the working folder.

    Raises:
        SystemExit: with a message, if an extra, a package or a file is not there.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--extras", nargs="+", help="what the project needs with these")
    chosen.add_argument("--package", help="one package, and what it asks for")
    arguments = parser.parse_args()
    try:
        if arguments.package:
            roots = {_name_of(arguments.package)}
        else:
            content = tomllib.loads(Path(_PROJECT).read_text())
            roots = of_extras(content["project"], arguments.extras)
        sys.stdout.writelines(needed(read_lock(Path(_LOCK).read_text()), roots))
    except LookupError as error:
        raise SystemExit(f"{error}.") from None
    except OSError as error:
        raise SystemExit(f"{error.filename}: {error.strerror}.") from None


if __name__ == "__main__":
    main()
