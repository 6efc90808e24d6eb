"""YAML text to a validated `Run`; every fault at once, with file and line."""

import difflib
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from configs.schema import Run

_Location = tuple[int | str, ...]


class ConfigError(ValueError):
    """A run configuration that cannot be used; the message lists every fault."""


def load_run(path: str | Path) -> Run:
    """Reads a run configuration.

    Args:
      path: YAML file.

    Raises:
      ConfigError: if the file cannot be read, is not YAML, or breaks the schema.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not YAML: {error.problem}.") from error
    if node is None or not isinstance(values, dict):
        raise ConfigError(f"{path}:1: must be a mapping of sections, such as `data:`.")
    try:
        return Run.model_validate(values)
    except ValidationError as error:
        faults = [fault for e in error.errors() for fault in _faults(node, e)]
        raise ConfigError(
            "\n".join(f"{path}:{line}: {message}" for line, message in sorted(faults))
        ) from error


def _faults(node: yaml.Node, error: ErrorDetails) -> list[tuple[int, str]]:
    """Returns (line, message) of each fault that a pydantic error tells of."""
    location = error["loc"]
    if error["type"] == "cross_section":
        return [
            (_line(node, _named_place(fault)), f"{fault}.")
            for fault in error["msg"].split("\n")
        ]
    if error["type"] == "extra_forbidden":
        message = f"unknown key `{location[-1]}`{_did_you_mean(location)}"
    elif error["type"] == "missing":
        message = f"`{_dotted(location)}` is missing."
    else:
        message = f"`{_dotted(location)}`: {error['msg']}"
        if not isinstance(error["input"], dict):
            message += f", got {error['input']!r}"
        message += "."
    return [(_line(node, location), message)]


def _dotted(location: _Location) -> str:
    return ".".join(str(part) for part in location)


def _named_place(fault: str) -> _Location:
    """Returns the place that a cross-section fault names, like "feature `tags`"."""
    section, _, rest = fault.partition(" `")
    if section not in ("feature", "table"):
        return ("features",)
    return (f"{section}s", rest.partition("`")[0])


def _line(node: yaml.Node, location: _Location) -> int:
    """Returns the line of the deepest part of the location that the file holds."""
    line = node.start_mark.line
    for part in location:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == str(part):
                line, node = key.start_mark.line, value
                break
        else:
            break
    return line + 1


def _did_you_mean(location: _Location) -> str:
    """Returns a hint at the nearest known key, else the list of known keys."""
    known = sorted(_known_keys(Run, location[:-1]))
    nearest = difflib.get_close_matches(str(location[-1]), known, n=1)
    if nearest:
        return f"; did you mean `{nearest[0]}`?"
    return f"; known keys: {', '.join(known)}."


def _known_keys(model: type[BaseModel], location: _Location) -> set[str]:
    """Returns the keys of the section at a location, walking the schema's types."""
    annotation: Any = model
    for part in location:
        if _is_section(annotation):
            annotation = annotation.model_fields[str(part)].annotation
        else:  # dict[Name, Section]: any key leads to its value type
            annotation = get_args(annotation)[-1]
        sections = [kind for kind in get_args(annotation) if _is_section(kind)]
        if not _is_section(annotation) and type(None) in get_args(annotation):
            annotation = sections[0]
    return set(annotation.model_fields)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
