"""YAML text to a validated `Run`; every fault at once, with file and line."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shardline.configs.schema import FeatureSet, Job, Run
from shardline.configs.shown import escaped, quoted, shown

_Kind = TypeVar("_Kind", bound=Job)
_Location = tuple[int | str, ...]
_Fault = tuple[int, str]  # line, message


class ConfigError(ValueError):
    """A run configuration that cannot be used; the message lists every fault."""


def load_run(path: str | Path) -> Run:
    """Reads a run configuration.

    Args:
        path: YAML file.

    Raises:
        ConfigError: if the file cannot be read, is not YAML, or breaks the schema.
    """
    return _load(path, Run)


def load_job(path: str | Path) -> Job:
    """Reads a configuration that need not say how to train.

    Args:
        path: YAML file.

    Raises:
        ConfigError: if the file cannot be read, is not YAML, or breaks the schema.
    """
    return _load(path, Job)


def line_of(path: str | Path, place: Sequence[str]) -> int:
    """Returns the line of a place in a configuration, such as ("features", "user").

    Args:
        path: YAML file.
        place: keys from the outermost on; those that the file lacks are left out.

    Raises:
        ConfigError: if the file cannot be read, or is not YAML.
    """
    node, _ = _parsed(Path(path))
    return _line(node, tuple(place))


def _load(path: str | Path, kind: type[_Kind]) -> _Kind:
    path = Path(path)
    node, values = _parsed(path)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = [fault for e in error.errors() for fault in _faults(node, e)]
        # Rules over several sections are not reached while a section is faulty.
        faults += _faults_between_sections(node, values)
        raise _config_error(path, faults) from error


def _parsed(path: Path) -> tuple[yaml.MappingNode, dict[str, Any]]:
    """Returns a file's values, and their nodes, which know their lines."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text: {error.reason}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path}:{line}: not YAML: {problem}.") from error
    except ValueError as error:  # of a value, such as a 13th month
        raise ConfigError(f"{path}: not YAML: {error}.") from error
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:1: must be a mapping of sections, such as `data:`.")
    repeated = _repeated_keys(node)
    if repeated:
        raise _config_error(path, repeated)
    return node, values


def _config_error(path: Path, faults: list[_Fault]) -> ConfigError:
    lines = (
        escaped(f"{path}:{line}: {message}", keep="")
        for line, message in sorted(set(faults))
    )
    return ConfigError("\n".join(lines))


def _repeated_keys(node: yaml.Node) -> list[_Fault]:
    """Finds keys that a mapping has twice; YAML would keep the last in silence."""
    if not isinstance(node, yaml.MappingNode):
        return []
    faults = []
    seen: set[str] = set()
    for key, value in node.value:
        if key.value in seen:
            faults.append(
                (key.start_mark.line + 1, f"`{shown(key.value)}` is given twice.")
            )
        seen.add(key.value)
        faults += _repeated_keys(value)
    return faults


def _faults_between_sections(node: yaml.Node, values: dict[str, Any]) -> list[_Fault]:
    sections = {key: values[key] for key in FeatureSet.model_fields if key in values}
    try:
        FeatureSet.model_validate(sections)
    except ValidationError as error:
        between = (e for e in error.errors() if e["type"] == "cross_section")
        return [fault for e in between for fault in _faults(node, e)]
    return []


def _faults(node: yaml.Node, error: ErrorDetails) -> list[_Fault]:
    """Returns (line, message) of each fault that a pydantic error tells of."""
    location = error["loc"]
    if error["type"] == "cross_section":
        return [
            (_line(node, _named_place(fault)), f"{fault}.")
            for fault in error["msg"].split("\n")
        ]
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        message = f"unknown key `{shown(location[-1])}`{_did_you_mean(location)}"
    elif error["type"] in ("missing", "missing_argument"):
        message = f"`{_dotted(location)}` is missing."
    else:
        message = f"`{_dotted(location)}`: {error['msg']}"
        if not isinstance(error["input"], dict):
            message += f", got {_input(error['input'])}"
        message += "."
    return [(_line(node, location), message)]


def _input(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else shown(repr(value))


def _dotted(location: _Location) -> str:
    return ".".join(shown(part) for part in location)


def _named_place(fault: str) -> _Location:
    """Returns the place that a cross-section fault names, like "feature `tags`"."""
    section, _, rest = fault.removeprefix("weights of ").partition(" `")
    section = section.rstrip(":")
    if section in ("data", "derived"):
        return (section,)
    if section == "serving.tables":
        return ("serving", "tables", rest.partition("`")[0])
    if section not in ("feature", "number", "table"):
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


def _known_keys(model: Any, location: _Location) -> set[str]:
    """Returns the keys of the section at a location, walking the schema's types."""
    annotation: Any = model
    for part in location:
        if _is_section(annotation):
            annotation = annotation.__pydantic_fields__[str(part)].annotation
        else:  # dict[Name, Section]: any key leads to its value type
            annotation = get_args(annotation)[-1]
        sections = [kind for kind in get_args(annotation) if _is_section(kind)]
        if not _is_section(annotation) and type(None) in get_args(annotation):
            annotation = sections[0]
    return set(annotation.__pydantic_fields__)


def _is_section(annotation: Any) -> bool:
    return hasattr(annotation, "__pydantic_fields__")
