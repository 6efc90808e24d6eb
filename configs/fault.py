"""What is wrong with a configuration: where, what, and what to do about it.

Rules yield faults as data. Only who reads the file knows its lines, and puts them to
the faults by their paths.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from typing import NamedTuple

from shardline.configs.shown import escaped, shown

# The keys that lead to a value of the YAML, from the outermost on.
ConfigPath = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a configuration.

    Attributes:
        config_path: where it is. Keys that the file lacks may end it.
        message: what is there, and what was expected.
        remedy: what to do about it, if the message does not say so.
        who: the part that it is about, such as "feature `tags`", if the message does
            not name it.
        file: the configuration, if the fault has been located in it.
        line: the line there, counted from 1; None if it is a fault of no line.
    """

    config_path: ConfigPath
    message: str
    remedy: str = ""
    who: str = ""
    file: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        """The fault in words, without its location."""
        text = f"{self.who}: {self.message}" if self.who else self.message
        return f"{text}; {self.remedy}" if self.remedy else text

    def __str__(self) -> str:
        """Returns the fault in words; on one line after its location, if it has one."""
        if not self.file:
            return self.text
        location = self.file if self.line is None else f"{self.file}:{self.line}"
        return escaped(f"{location}: {sentence(self.text)}", keep="")


class ConfigError(ValueError):
    """A run configuration that cannot be used; the message lists every fault.

    Attributes:
        faults: each of them.
    """

    def __init__(self, *faults: Fault) -> None:
        """Takes the faults in the order in which they shall be read.

        Args:
            faults: at least one.
        """
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        """Returns a line for each fault."""
        return "\n".join(map(str, self.faults))


class Part(NamedTuple):
    """A part of a configuration that rules speak of.

    Attributes:
        who: what messages call it.
        config_path: where it is.
    """

    who: str
    config_path: ConfigPath

    def fault(self, message: str, remedy: str = "", *, key: str = "") -> Fault:
        """Returns a fault of this part.

        Args:
            message: what is there, and what was expected.
            remedy: what to do about it.
            key: the key of the part that is at fault, if it is a single one.
        """
        path = (*self.config_path, key) if key else self.config_path
        return Fault(path, message, remedy, self.who)


def feature_part(name: str) -> Part:
    """Returns a feature as a part of its configuration."""
    return Part(f"feature `{name}`", ("features", name))


def number_part(name: str) -> Part:
    """Returns a number as a part of its configuration."""
    return Part(f"number `{name}`", ("numbers", name))


def table_part(name: str) -> Part:
    """Returns a table as a part of its configuration."""
    return Part(f"table `{name}`", ("tables", name))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Returns the remedy that says the nearest of some names; nothing if none is."""
    nearest = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean `{shown(nearest[0])}`?" if nearest else ""


def sentence(text: str) -> str:
    """Returns text with a full stop, unless it ends like a sentence already."""
    return text if text.endswith((".", "?", "!")) else f"{text}."
