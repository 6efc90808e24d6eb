"""What pydantic finds wrong with a configuration, as faults."""

from typing import Any, get_args

from pydantic_core import ErrorDetails

from shardline.configs.fault import ConfigPath, Fault, did_you_mean
from shardline.configs.schema import Run
from shardline.configs.section import CROSS_SECTION, PATTERNS_IN_WORDS
from shardline.configs.shown import quoted, shown

_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING_KEY = ("missing", "missing_argument")
# Of a dictionary whose keys are few: the last part of the path, and the type.
_KEY, _NO_SUCH_KEY = "[key]", "literal_error"
_NO_MATCH = "string_pattern_mismatch"
_NO_SECTION = ("model_type", "model_attributes_type", "dataclass_type")


def faults_of(error: ErrorDetails) -> list[Fault]:
    """Returns the faults that a pydantic error carries: one, or several of a rule."""
    if error["type"] == CROSS_SECTION:
        return list(error["ctx"]["faults"])
    config_path = tuple(str(part) for part in error["loc"])
    if config_path[-1:] == (_KEY,) and error["type"] == _NO_SUCH_KEY:
        config_path, is_unknown = config_path[:-1], True
    else:
        is_unknown = error["type"] in _UNKNOWN_KEY
    if is_unknown:
        message = f"unknown key `{shown(config_path[-1])}`"
        return [Fault(config_path, message, _known_key(config_path))]
    if config_path[-1:] == (_KEY,):
        config_path = config_path[:-1]
    name = f"`{'.'.join(map(shown, config_path))}`"
    if error["type"] in _MISSING_KEY:
        return [Fault(config_path, f"{name} is missing")]
    message, value = error["msg"], error["input"]
    if error["type"] == _NO_MATCH:
        message = PATTERNS_IN_WORDS.get(error["ctx"]["pattern"], message)
    if error["type"] in _NO_SECTION:
        known = ", ".join(sorted(_known_keys(Run, config_path)))
        message = f"Input should be a section with keys of its own ({known})"
    if not isinstance(value, dict):
        message += f", got {_input(value)}"
    return [Fault(config_path, message, who=name)]


def _input(value: Any) -> str:
    """Returns a value as YAML has it."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return quoted(value) if isinstance(value, str) else shown(repr(value))


def _known_key(config_path: ConfigPath) -> str:
    """Returns the nearest key that is known, else the list of known keys."""
    known = sorted(_known_keys(Run, config_path[:-1]))
    there = f"known keys: {', '.join(known)}"
    return did_you_mean(config_path[-1], known) or there


def _known_keys(model: Any, config_path: ConfigPath) -> set[str]:
    """Returns the keys of the section at a path, walking the schema's types."""
    annotation: Any = model
    for part in config_path:
        if _is_section(annotation):
            annotation = annotation.__pydantic_fields__[part].annotation
        else:  # dict[Name, Section]: any key leads to its value type
            annotation = get_args(annotation)[-1]
        sections = [kind for kind in get_args(annotation) if _is_section(kind)]
        if not _is_section(annotation) and type(None) in get_args(annotation):
            annotation = sections[0]
    if not _is_section(annotation):  # dict[Literal[...], ...]
        return set(get_args(get_args(annotation)[0]))
    return set(annotation.__pydantic_fields__)


def _is_section(annotation: Any) -> bool:
    return hasattr(annotation, "__pydantic_fields__")
