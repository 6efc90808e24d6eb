"""`bucket://`: an object store in a folder, for TensorFlow, Beam and TFX.

TensorFlow gets it as a plug-in of its C API, which is built here, and Beam as a class.
A fresh process has both if its environment is that of `Buckets.environment`.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from shardline_tests import load

_HERE = Path(__file__).parent
_INSTALLED = _HERE / "installed"
_LIBRARIES = _HERE.parents[1] / "build" / "bucket"
_ROOT, _LOG = "SHARDLINE_TEST_BUCKETS", "SHARDLINE_TEST_BUCKET_LOG"
_PLUGIN = "SHARDLINE_TEST_BUCKET_PLUGIN"


@dataclass(frozen=True)
class Buckets:
    """The buckets below a folder.

    Attributes:
        root: the folder.
        plugin: the library for TensorFlow.
    """

    root: Path
    plugin: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process that shall know `bucket://` has in its environment."""
        path = [str(_INSTALLED), os.environ.get("PYTHONPATH", "")]
        return {
            **self.variables,
            _PLUGIN: str(self.plugin),
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
        }

    @property
    def variables(self) -> dict[str, str]:
        """What a process that knows `bucket://` needs to find these buckets."""
        return {_ROOT: str(self.root), _LOG: str(self.root / ".log")}

    def new(self, name: str) -> str:
        """Makes a bucket and returns its URI."""
        (self.root / name).mkdir(parents=True)
        return f"bucket://{name}"

    def path(self, uri: str) -> Path:
        """Returns where an object, or what is below a name, lies on the disk."""
        return self.root / uri.removeprefix("bucket://")

    def refuse_writes(self, name: str) -> None:
        """Lets a bucket be read only."""
        (self.root / f"{name}.read-only").touch()

    def close(self, name: str) -> None:
        """Refuses all access to a bucket."""
        (self.root / f"{name}.closed").touch()

    @property
    def log(self) -> list[str]:
        """What was done so far, such as `write bucket://models/1/saved_model.pb`."""
        log = self.root / ".log"
        return log.read_text().splitlines() if log.exists() else []


@functools.cache
def built_plugin() -> Path:
    """Builds the library for TensorFlow, if it is not there for the same sources.

    The running test is skipped where there is no C++ compiler.

    Raises:
        RuntimeError: the compiler refused the sources; the message is its own.
    """
    sources = sorted((_HERE / "src").iterdir())
    content = hashlib.sha256(
        platform.machine().encode() + version("tensorflow").encode()
    )
    for source in (Path(__file__), *sources):
        content.update(source.read_bytes())
    library = _LIBRARIES / f"bucket-{content.hexdigest()[:16]}.so"
    if not library.exists():
        _LIBRARIES.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_LIBRARIES) as folder:
            built = Path(folder) / library.name
            _build([file for file in sources if file.suffix == ".cc"], built)
            built.rename(library)
    return library


def _build(sources: Sequence[Path], library: Path) -> None:
    command = next(filter(None, map(shutil.which, ("g++", "c++", "clang++"))), None)
    if command is None:
        pytest.skip("no C++ compiler here to build the plug-in for bucket:// with")
    found = importlib.util.find_spec("tensorflow")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    framework = next(package.glob("libtensorflow_framework.so.*"))
    flags = ["-std=c++17", "-O1", "-Wall", "-fPIC", "-shared"]
    links = [f"-L{package}", f"-l:{framework.name}", f"-Wl,-rpath,{package}"]
    done = subprocess.run(
        [
            *(command, *flags, f"-isystem{package / 'include'}"),
            *(*map(str, sources), "-o", str(library), *links),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"The plug-in cannot be built:\n{done.stderr}")


@contextlib.contextmanager
def buckets_in(root: Path) -> Iterator[Buckets]:
    """Gives the buckets below a folder, which this process knows for a block."""
    buckets = Buckets(root, built_plugin())
    root.mkdir(exist_ok=True)
    teach_this_process()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in buckets.variables.items():
            patch.setenv(name, value)
        yield buckets


@functools.cache
def teach_this_process() -> None:
    """Lets TensorFlow and Beam of this process know `bucket://`."""
    import tensorflow as tf

    tf.experimental.register_filesystem_plugin(str(built_plugin()))
    load(_INSTALLED / "bucket_beam.py")
