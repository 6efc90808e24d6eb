"""What a check finds: faults, which end it with an error, and hints, which do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from shardline.configs.fault import ConfigPath, Fault, sentence
from shardline.configs.shown import escaped, shown
from shardline.configs.yaml_file import YamlFile, read_yaml


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or that someone should look at.

    Attributes:
        config_path: where it is in the configuration, as keys from the outermost on.
        who: the part that it is about, such as "feature `tags`".
        message: what there is, and what was expected.
        remedy: what to do about it.
        column: the column of the data that it is about; "" if it is about none.
        is_fault: False for a hint.
        causes: what readers of the same data would report for the same cause: reasons
            for which rows are bad, and files that are.
    """

    config_path: ConfigPath
    who: str
    message: str
    remedy: str
    column: str = ""
    is_fault: bool = True
    causes: frozenset[str] = frozenset()

    def located(self, file: YamlFile) -> Located:
        """Returns the finding with its line in the configuration."""
        line = file.line_of(self.config_path)
        text = f"{file.path}:{line}: {self.who}: {self.message} {self.remedy}".rstrip()
        if self.column:  # messages name it as the data have it
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
    """Returns findings once each, in the order of the configuration's lines.

    Args:
        findings: what was found, in any order.
        config: the configuration, which has been read before.
    """
    file = read_yaml(config)
    once = dict.fromkeys(findings)
    return sorted((f.located(file) for f in once), key=lambda f: (f.line, f.text))


def finding_of(fault: Fault) -> Finding:
    """Returns a fault of the configuration as a finding."""
    remedy = fault.remedy[:1].upper() + fault.remedy[1:]
    return Finding(
        fault.config_path,
        fault.who,
        sentence(fault.message),
        sentence(remedy) if remedy else "",
    )
