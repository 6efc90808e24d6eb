"""Teaches each Python process the scheme `bucket://`, as an image's plug-in would.

Python imports this by itself where `PYTHONPATH` has this folder. Nothing else is
imported before someone imports TensorFlow or Beam. A `sitecustomize` that would have
been imported without this one is imported, too.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PLUGIN = "SHARDLINE_TEST_BUCKET_PLUGIN"  # the library for TensorFlow
_HERE = os.path.dirname(os.path.abspath(__file__))


def _teach_tensorflow(tensorflow: ModuleType) -> None:
    tensorflow.experimental.register_filesystem_plugin(os.environ[PLUGIN])


def _teach_beam(_: ModuleType) -> None:
    importlib.import_module("bucket_beam")


class _Teacher(MetaPathFinder):
    """Does something with a module as soon as it is imported."""

    def __init__(self) -> None:
        self._lessons: dict[str, Callable[[ModuleType], None]] = {
            "tensorflow": _teach_tensorflow,
            "apache_beam.io.filesystem": _teach_beam,
        }

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        lesson = self._lessons.pop(fullname, None)
        spec = PathFinder.find_spec(fullname, path, target) if lesson else None
        if lesson is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_teach(module: ModuleType) -> None:
            execute(module)
            lesson(module)

        spec.loader.exec_module = execute_and_teach  # type: ignore[method-assign]
        return spec


def _run_the_next() -> None:
    rest = [part for part in sys.path if os.path.abspath(part) != _HERE]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


sys.meta_path.insert(0, _Teacher())
_run_the_next()
