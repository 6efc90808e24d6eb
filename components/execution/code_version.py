"""A digest of code, for cache keys.

TFX reuses an earlier execution when inputs and parameters are equal; the code of a
component is in neither. Components here take this digest as a parameter.
"""

import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

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

# What native kernels are built from counts too.
_SOURCES = {".py", ".cc", ".h"}


def code_version(*modules: str) -> str:
    """Returns a digest of the source of modules and of the libraries' versions.

    Args:
        modules: import paths; of a package, all its modules count.

    Raises:
        ValueError: if a module has no source file.
    """
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library}=={importlib.metadata.version(library)}".encode())
    for module in sorted(modules):
        for file in _sources(module):
            digest.update(module.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _sources(module: str) -> list[Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.has_location:
        raise ValueError(f"Module `{module}` has no source file to make a digest of.")
    origin = Path(spec.origin)
    if spec.submodule_search_locations:
        files = origin.parent.rglob("*")
        return sorted(file for file in files if file.suffix in _SOURCES)
    return [origin]
