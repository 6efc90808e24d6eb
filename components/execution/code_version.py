"""A digest of code, for cache keys.

TFX reuses an earlier execution when inputs and parameters are equal; the code of a
component is in neither. Components here have this digest as a parameter.
"""

import hashlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from shardline.components.execution.import_closure import PROJECT, import_closure
from shardline.components.execution.import_path import current_path

# A new release of any of them makes all examples anew, and so all that follows.
_LIBRARIES = (
    "apache-beam",
    "keras",
    "keras-rs",
    "tensorflow",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "tensorflow-transform",
    "tfx",
    "tfx-bsl",
)

# What native kernels are built from.
_NATIVE_SOURCES = {".cc", ".h"}


def code_version(entry: str, *objects: str) -> str:
    """Returns a digest of the code that may run, and of the libraries' versions.

    It depends on the names and contents of modules, not on where they are installed.

    Args:
        entry: the module that is run, such as that of an executor. It counts with all
            that it imports, of this project.
        objects: import paths of readers, model builders and functions that it loads.
            Their modules count with all that they import, of this project and of the
            package that they are in.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: if a module has no source file.
    """
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library}=={importlib.metadata.version(library)}\n".encode())
    named = [current_path(path).rpartition(".")[0] for path in objects]
    modules = import_closure(entry, *named)
    for module, file in sorted(modules.items()):
        _add(digest, module, file)
        if file.name == "__init__.py" and module != PROJECT:
            for source in sorted(_native_sources(file.parent)):
                _add(digest, f"{module}/{source.relative_to(file.parent)}", source)
    return digest.hexdigest()[:16]


def _add(digest: "hashlib._Hash", name: str, file: Path) -> None:
    content = hashlib.sha256(file.read_bytes()).hexdigest()
    digest.update(f"{name} {content}\n".encode())


def _native_sources(folder: Path) -> Iterator[Path]:
    """Yields the sources in a package's folder, and in folders that are no packages."""
    for path in folder.iterdir():
        if path.is_dir():
            if not (path / "__init__.py").exists():
                yield from _native_sources(path)
        elif path.suffix in _NATIVE_SOURCES:
            yield path
