"""A YAML file as values, and the line of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from shardline.configs.fault import ConfigError, ConfigPath, Fault
from shardline.configs.shown import shown

_MERGE = "tag:yaml.org,2002:merge"
_STR = "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """Takes keys as they are written, also `on` and `4`, which YAML reads otherwise."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Any, Any]:
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                key.tag = _STR
        return super().construct_mapping(node, deep)


@dataclasses.dataclass(frozen=True)
class YamlFile:
    """A mapping of sections, read from a file.

    Attributes:
        path: the file.
        node: the mapping with its lines.
        values: the mapping.
    """

    path: Path
    node: yaml.MappingNode
    values: dict[str, Any]

    def line_of(self, config_path: ConfigPath) -> int:
        """Returns the line of the longest part of a path that the file holds.

        Args:
            config_path: keys from the outermost on.
        """
        node: yaml.Node = self.node
        line = node.start_mark.line
        for part in config_path:
            if not isinstance(node, yaml.MappingNode):
                break
            for key, value in node.value:
                if key.value == part:
                    line, node = key.start_mark.line, value
                    break
            else:
                break
        return line + 1

    def located(self, fault: Fault) -> Fault:
        """Returns a fault with its file and line."""
        line = self.line_of(fault.config_path)
        return dataclasses.replace(fault, file=str(self.path), line=line)


def read_yaml(path: str | Path) -> YamlFile:
    """Reads a mapping of sections.

    Args:
        path: YAML file.

    Raises:
        ConfigError: if the file cannot be read, is not YAML, holds anything but a
            mapping, or has a key twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.load(text, Loader=_Loader)
    except OSError as error:
        raise _error(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _error(path, f"is not UTF-8 text: {error.reason}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else 1
        raise _error(path, f"not YAML: {problem}", line) from error
    except ValueError as error:  # of a value, such as a 13th month
        raise _error(path, f"not YAML: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise _error(path, "must be a mapping of sections, such as `data:`", 1)
    repeated = sorted(_repeated_keys(node, path, ()), key=lambda f: f.line or 0)
    if repeated:
        raise ConfigError(*repeated)
    return YamlFile(path, node, values)


def _error(path: Path, message: str, line: int | None = None) -> ConfigError:
    return ConfigError(Fault((), message, file=str(path), line=line))


def _repeated_keys(node: yaml.Node, path: Path, above: ConfigPath) -> Iterator[Fault]:
    """Yields keys that a mapping has twice; YAML would keep the last in silence."""
    if not isinstance(node, yaml.MappingNode):
        return
    known: set[str] = set()
    for key, value in node.value:
        config_path = (*above, str(key.value))
        if key.value in known:
            message = f"`{shown(key.value)}` is given twice"
            line = key.start_mark.line + 1
            yield Fault(config_path, message, file=str(path), line=line)
        known.add(key.value)
        yield from _repeated_keys(value, path, config_path)
