"""Damages files of checkpoint sets, one kind of damage at a time.

Whatever is done changes at least one byte: what has no effect is done differently.
"""

import dataclasses
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

_PAGE_BYTES = 4096
_MANIFEST = "manifest.json"
# Files beside these are none of a set's content.
_CONTENT = ("tables.", "values.", _MANIFEST)

KINDS = (
    "one bit",
    "truncated",
    "zeroed page",
    "bytes added",
    "missing",
    "exchanged in the set",
    "exchanged between sets",
    "an older set's manifest",
    "a twin's manifest",
)


@dataclasses.dataclass(frozen=True)
class Corruption:
    """What was done.

    Attributes:
        kind: one of `KINDS`.
        changed: the files that are not what they were, below the folder of the sets.
    """

    kind: str
    changed: tuple[Path, ...]

    @property
    def sets(self) -> set[str]:
        """The names of the sets that have a changed file."""
        return {path.parts[0] for path in self.changed}


def corruptions(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Path]]:
    """Yields kinds and files, below the folder; every pair before one comes again."""
    files = sorted(
        path.relative_to(folder)
        for path in folder.glob("step-*/*")
        if path.name.startswith(_CONTENT)
    )
    pairs = [(kind, file) for kind in KINDS for file in files if _fits(kind, file)]
    chance = random.Random(seed)
    for number in range(count):
        if number % len(pairs) == 0:
            chance.shuffle(pairs)
        yield pairs[number % len(pairs)]


def corrupt(
    folder: Path, twins: Path, kind: str, file: Path, chance: random.Random
) -> Corruption:
    """Does damage to a file.

    Args:
        folder: of the sets; its files may be links, which are replaced.
        twins: sets of the same steps, of another course of the training.
        kind: one of `KINDS`.
        file: below the folder.
        chance: decides where in the file, and which other file.
    """
    path = folder / file
    content = path.read_bytes()
    match kind:
        case "missing":
            path.unlink()
        case "exchanged in the set" | "exchanged between sets":
            other = _other(folder, file, kind, chance)
            _replace(path, (folder / other).read_bytes())
            _replace(folder / other, content)
            return Corruption(kind, (file, other))
        case "an older set's manifest":
            names = sorted(one.name for one in folder.glob("step-*"))
            older = names[: names.index(file.parts[0])]
            source = folder / (older or names[1:])[-1]
            _replace(path, (source / _MANIFEST).read_bytes())
        case "a twin's manifest":
            _replace(path, (twins / file).read_bytes())
        case _:
            _replace(path, _damaged(content, kind, chance))
    return Corruption(kind, (file,))


def copied(folder: Path, to: Path) -> None:
    """Copies a folder of sets; files are links until they are damaged."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to, copy_function=_link)


def _fits(kind: str, file: Path) -> bool:
    return not kind.endswith("manifest") or file.name == _MANIFEST


def _damaged(content: bytes, kind: str, chance: random.Random) -> bytes:
    """Returns another content."""
    damaged = content
    while damaged == content:
        damaged = _tried(content, kind, chance)
        if kind == "zeroed page" and not any(content):
            return damaged + b"\1"  # there is no page to be zeroed
    return damaged


def _tried(content: bytes, kind: str, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    match kind:
        case "one bit":
            bit = content[at] ^ (1 << chance.randrange(8))
            return content[:at] + bytes([bit]) + content[at + 1 :]
        case "truncated":
            return content[: chance.choice([0, at, len(content) - 1])]
        case "zeroed page":
            at -= at % _PAGE_BYTES
            page = content[at : at + _PAGE_BYTES]
            return content[:at] + bytes(len(page)) + content[at + len(page) :]
        case "bytes added":
            added = chance.choice([b"\0", b"\n", b" " * 512, content])
            return content + added
    raise ValueError(f"No such kind of damage: {kind}.")


def _other(folder: Path, file: Path, kind: str, chance: random.Random) -> Path:
    """Returns another file, of other content."""
    content = (folder / file).read_bytes()
    in_set = kind == "exchanged in the set"
    others = [
        path.relative_to(folder)
        for path in sorted(folder.glob("step-*/*"))
        if path.name.startswith(_CONTENT)
        and (path.parent.name == file.parts[0]) == in_set
        and (in_set or path.name == file.name)
        and path.read_bytes() != content
    ]
    return chance.choice(others)


def _replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
