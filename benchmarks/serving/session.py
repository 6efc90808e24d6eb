"""What the sections share: what they are, where they work, and how programs run."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.bars import Bar
from benchmarks.engine.session import FOLDER, Times
from benchmarks.preprocess import session

MODELS = FOLDER / "serving-models"
PROGRAMS = "benchmarks.serving.programs"


class Outcome(NamedTuple):
    """What programs said.

    Attributes:
        times: of requests, by "section/program/what".
        found: what else was found out, by section.
        versions: of what the programs use.
    """

    times: Times
    found: dict[str, Any]
    versions: dict[str, str]

    def __or__(self, other: "Outcome") -> "Outcome":
        """Returns both."""
        return Outcome(
            self.times | other.times,
            self.found | other.found,
            self.versions | other.versions,
        )

    def as_json(self) -> str:
        """Returns the outcome as text."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        """Returns what `as_json` was called on."""
        return cls(*json.loads(text))


class Section(NamedTuple):
    """Something that is measured.

    Attributes:
        title: what it is about.
        measure: runs its programs so many rounds.
        bars: what was asked of what came out.
        table: what came out, as a table in Markdown.
    """

    title: str
    measure: Callable[[int], Outcome]
    bars: Callable[[Outcome], list[Bar]]
    table: Callable[[Outcome], str]


def run(name: str, module: str, *arguments: str | Path, limit_s: float = 600) -> Any:
    """Runs a program; returns what it says in JSON.

    Args:
        name: what reports call it.
        module: below `benchmarks.serving.programs`.
        arguments: of its command line.
        limit_s: when to give it up.

    Raises:
        ProgramError: if it fails or takes longer than its limit.
    """
    return session.run(session.Program(name, module, arguments, limit_s, PROGRAMS))


def made_models() -> dict[str, float]:
    """Exports the model in every precision and as the rival does, once a run.

    Returns:
        By precision and rival, the largest difference of a score to float32's.

    Raises:
        ProgramError: if the program that makes them fails.
    """
    said = MODELS / "differences.json"
    if not said.exists():
        MODELS.mkdir(parents=True, exist_ok=True)
        said.write_text(json.dumps(run("models", "make_models", MODELS)))
    made: dict[str, float] = json.loads(said.read_text())
    return made


def table_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns rows as a table in Markdown, the first column to the left."""
    ruler = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ruler, *rows])
