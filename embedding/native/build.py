"""Builds the native kernels against the installed TensorFlow.

The library's name carries a digest of what went into it: sources, this module, and the
version of TensorFlow. One that was built from anything else is not found, and so never
loaded; nor is one that is damaged: the digest of what was built lies beside it.
`row_loops.cc` is compiled for several instruction sets, among which the library
chooses when it is loaded: what is built on one x86-64 machine runs on any other.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf

_HERE = Path(__file__).parent
SOURCES = _HERE / "src"
_LIBRARIES = _HERE / "build"

# Sanitizers of the compiler to build with, and to load what was built with, with commas
# between them: for `make sanitize`.
SANITIZERS = "SHARDLINE_SANITIZERS"

# What includes TensorFlow's headers is compiled as one: they take most of the time.
_OPS = (
    "tables.cc",
    "partition_op.cc",
    "lookup_op.cc",
    "update_op.cc",
    "huge_pages_op.cc",
    "row_tracker_ops.cc",
    "write_shard_op.cc",
    "read_shard_op.cc",
    "crc32c_op.cc",
)
_CORE = (
    "sort.cc",
    "partition.cc",
    "pooled_lookup.cc",
    "update.cc",
    "row_loops_choice.cc",
    "row_tracker.cc",
    "copies_aside.cc",
    "copy_room.cc",
    "shard_file.cc",
    "crash_point.cc",
    "crc32c.cc",
)
_LOOPS = "row_loops.cc"
_LOOP_FLAGS = ("-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
_INSTRUCTION_SETS = {
    "baseline": (),
    "avx2": ("-mavx2",),
    "avx512": (
        *("-mavx512f", "-mavx512vl", "-mavx512bw", "-mavx512dq"),
        "-mprefer-vector-width=256",
    ),
}


class BuildError(RuntimeError):
    """The kernels cannot be built: no compiler, or it failed."""


def library_path() -> Path:
    """Returns where the library lies, or would lie, that fits what is installed."""
    sanitizers = _sanitizers()
    content = hashlib.sha256()
    for source in (Path(__file__), *sorted(SOURCES.iterdir())):
        content.update(source.name.encode() + source.read_bytes())
    versions = (tf.version.VERSION, tf.version.GIT_VERSION, platform.machine())
    content.update("\n".join([*versions, *sanitizers]).encode())
    folder = _LIBRARIES / "sanitized" if sanitizers else _LIBRARIES
    return folder / f"kernels-{content.hexdigest()[:16]}.so"


def digest_of(library: Path) -> str:
    """Returns the digest in a library's name."""
    return library.stem.removeprefix("kernels-")


def is_whole(library: Path) -> bool:
    """Tells whether a library is there, and all of it is what was built."""
    try:
        return _content_file(library).read_text() == _content_of(library)
    except OSError:
        return False


def _content_file(library: Path) -> Path:
    return library.with_suffix(".sha256")


def _content_of(library: Path) -> str:
    with library.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compiler() -> str | None:
    """Returns the C++ compiler: $CXX, g++ or c++; None if there is none."""
    return next(
        filter(None, map(shutil.which, (os.environ.get("CXX", ""), "g++", "c++"))), None
    )


def build() -> Path:
    """Builds the library if it is not there whole, and removes those of other sources.

    Raises:
        BuildError: without a compiler, or with what it says when it fails.
    """
    library = library_path()
    if is_whole(library):
        return library
    command = compiler()
    if command is None:
        raise BuildError("No C++ compiler: install g++, or set CXX.")
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        built = _built(command, Path(folder), digest_of(library))
        # Not one that another process has just built.
        kept = {library, _content_file(library)}
        for old in set(library.parent.glob("kernels-*")) - kept:
            old.unlink(missing_ok=True)
        _content_file(library).write_text(_content_of(built))
        # At once: another process that loads it finds all of it or nothing.
        built.rename(library)
    return library


def _built(command: str, folder: Path, digest: str) -> Path:
    """Compiles and links into a folder."""
    checks = [f"-fsanitize={name}" for name in _sanitizers()]
    common = [command, "-std=c++17", "-fPIC", "-g1", f"-I{SOURCES}", *checks]
    ops = folder / "ops.cc"
    ops.write_text("".join(f'#include "{name}"\n' for name in _OPS))
    steps = [[*common, *_tensorflow_flags(digest), "-c", str(ops)]]
    steps += [[*common, "-O3", "-Wall", "-c", str(SOURCES / name)] for name in _CORE]
    for name, flags in _instruction_sets().items():
        loops = [*_LOOP_FLAGS, *flags, f"-DSHARDLINE_ISA={name}"]
        steps.append([*common, *loops, "-c", str(SOURCES / _LOOPS)])
    objects = [str(folder / f"{number}.o") for number in range(len(steps))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = zip(steps, objects, strict=True)
        list(pool.map(lambda step: _run([*step[0], "-o", step[1]]), compiled))
    library = folder / "kernels.so"
    links = tf.sysconfig.get_link_flags()
    _run([command, "-shared", *checks, *objects, "-o", str(library), *links])
    return library


def _sanitizers() -> list[str]:
    return [name for name in os.environ.get(SANITIZERS, "").split(",") if name]


def _instruction_sets() -> dict[str, tuple[str, ...]]:
    if platform.machine() == "x86_64":
        return _INSTRUCTION_SETS
    return {"baseline": ()}


def _tensorflow_flags(digest: str) -> list[str]:
    # As system headers: warnings about them are TensorFlow's.
    includes = [f"-isystem{tf.sysconfig.get_include()}"]
    flags = tf.sysconfig.get_compile_flags()
    kept = [flag for flag in flags if not flag.startswith(("-I", "--std"))]
    return [
        *includes,
        *kept,
        "-O2",
        "-w",
        "-DEIGEN_USE_THREADS",
        f'-DSHARDLINE_DIGEST="{digest}"',
    ]


def _run(command: Sequence[str]) -> None:
    """Runs a command; raises BuildError with its output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stdout}{done.stderr}".strip())
