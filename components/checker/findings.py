"""What a check finds: faults, which end it with an error, and hints, which do not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from shardline.configs.load import line_of
from shardline.configs.shown import escaped, shown

Place = tuple[str, ...]

_SECTIONS = {"feature": "features", "number": "numbers", "table": "tables"}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or that someone should look at.

    Attributes:
        place: in the configuration, as keys from the outermost on.
        who: whose it is, such as "feature `tags`".
        fact: what came, and what was expected.
        remedy: what to do about it.
        column: of the data.
        is_fault: False for a hint.
    """

    place: Place
    who: str
    fact: str
    remedy: str
    column: str = ""
    is_fault: bool = True

    def located(self, config: Path) -> Located:
        """Returns the finding with its line."""
        line = line_of(config, self.place)
        text = f"{config}:{line}: {self.who}: {self.fact} {self.remedy}".rstrip()
        if self.column:  # facts name it as the data have it
            text = text.replace(self.column, shown(self.column))
        return Located(line, escaped(text), self)


@dataclasses.dataclass(frozen=True)
class Located:
    """A finding and its line in the configuration.

    Attributes:
        line: counted from 1.
        text: the whole message.
        finding: what was found.
    """

    line: int
    text: str
    finding: Finding


def in_order(findings: Sequence[Finding], config: Path) -> list[Located]:
    """Returns findings once each, in the order of the configuration's lines."""
    once = dict.fromkeys(findings)
    return sorted((f.located(config) for f in once), key=lambda f: (f.line, f.text))


def finding_of(message: str) -> Finding:
    """Returns the fault that a message of `components.checker.preflight` tells.

    Such a message begins with what it is about: "feature `x`:", "label:", "model:".
    """
    who, _, fact = message.partition(": ")
    named = re.match(r"(feature|number|table) `([^`]*)`", who)
    if named:
        place: Place = (_SECTIONS[named[1]], named[2])
    elif who in ("label", "example_weight"):
        place = ("data", who)
    else:
        place = tuple(who.split("."))
    return Finding(place, who, _sentence(fact), "")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
