"""YAML text to a validated `Run` or `Job`; every fault at once, with file and line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from shardline.configs.fault import ConfigError, Fault
from shardline.configs.schema import FeatureSet, Job, Run
from shardline.configs.schema_faults import faults_of
from shardline.configs.section import CROSS_SECTION
from shardline.configs.yaml_file import YamlFile, read_yaml

_Kind = TypeVar("_Kind", bound=Job)


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


def with_lines(path: str | Path | None, faults: Iterable[Fault]) -> list[Fault]:
    """Returns faults of a configuration that was read before, with file and line.

    Args:
        path: the YAML file; None: it is not known, and neither are lines.
        faults: what is wrong with it, in any order.

    Raises:
        ConfigError: if the file cannot be read any more.
    """
    return list(faults) if path is None else _in_order(read_yaml(path), faults)


def _load(path: str | Path, kind: type[_Kind]) -> _Kind:
    file = read_yaml(path)
    try:
        return kind.model_validate(file.values)
    except ValidationError as error:
        faults = [fault for e in error.errors() for fault in faults_of(e)]
        # Rules between sections are not reached while a section is faulty.
        faults += _faults_between_sections(file.values)
        raise ConfigError(*_in_order(file, faults)) from error


def _faults_between_sections(values: dict[str, Any]) -> list[Fault]:
    sections = {key: values[key] for key in FeatureSet.model_fields if key in values}
    try:
        FeatureSet.model_validate(sections)
    except ValidationError as error:
        between = (e for e in error.errors() if e["type"] == CROSS_SECTION)
        return [fault for e in between for fault in faults_of(e)]
    return []


def _in_order(file: YamlFile, faults: Iterable[Fault]) -> list[Fault]:
    """Returns faults with their lines, in the order of these, each message once."""
    located = {str(fault): fault for fault in map(file.located, faults)}
    return sorted(located.values(), key=lambda fault: (fault.line or 0, fault.text))
