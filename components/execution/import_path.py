"""Objects that a configuration names by import path: readers and model builders."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any


def load_object(path: str) -> Any:
    """Imports an object.

    Args:
        path: module path and name, such as "components.model.dlrm.DLRM".

    Raises:
        ValueError: if the module cannot be imported or has no such name.
    """
    module_path, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module_path), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"`{path}` cannot be imported: {error}. Give the path of an object that "
            "Python can import here, and in the workers of the pipeline."
        ) from error


def construct(path: str, options: Mapping[str, Any]) -> Any:
    """Imports a class or function and calls it with options.

    Raises:
        ValueError: if it cannot be imported, does not take these options, or refuses
            their values.
    """
    builder: Callable[..., Any] = load_object(path)
    try:
        inspect.signature(builder).bind(**options)
    except TypeError as error:
        raise ValueError(
            f"`{path}` does not take these options: {error}. It takes "
            f"{inspect.signature(builder)}."
        ) from error
    try:
        return builder(**options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{path}` refuses its options: {error}") from error
