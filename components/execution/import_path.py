"""Objects that a configuration names by import path: readers and model builders."""

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from typing import Any

# Objects of this project by the paths that they had before it was one package.
_MOVED = {
    "components.dlrm.DLRM": "shardline.components.model.dlrm.DLRM",
    "components.files.beam_reader.FileReader": (
        "shardline.components.readers.files.beam_reader.FileReader"
    ),
    "components.movielens.MovieLens100K": (
        "shardline.components.readers.movielens.MovieLens100K"
    ),
}


def load_object(path: str) -> Any:
    """Imports an object.

    Args:
        path: module path and name, such as "shardline.components.model.dlrm.DLRM", or
            what it was in an earlier version.

    Raises:
        ValueError: if the module cannot be imported or has no such name.
    """
    module_path, _, name = current_path(path).rpartition(".")
    try:
        return getattr(importlib.import_module(module_path), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"`{path}` cannot be imported: {error}. Give the path of an object that "
            "Python can import here, and in the workers of the pipeline."
        ) from error


def construct(path: str, options: Mapping[str, Any]) -> Any:
    """Imports a class or function and calls it with options.

    Args:
        path: as for `load_object`.
        options: keyword arguments.

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


def current_path(path: str) -> str:
    """Returns the path that an object has now, if this project has moved it.

    A checkpoint, which cannot be edited, names its model builder as it was called when
    the checkpoint was written.

    Args:
        path: as for `load_object`. If a user has a module of that name, it is meant.
    """
    moved = _MOVED.get(path)
    if moved is None or _is_module(path.rpartition(".")[0]):
        return path
    return moved


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # there is no such package
        return False
