"""Compiles the emulated engine of a TPU, once for each state of its sources."""

import ctypes
import functools
import hashlib
import os
import subprocess
from pathlib import Path

import tensorflow as tf

_SOURCES = Path(__file__).with_name("emulator")
_BUILT = Path(__file__).parents[3] / "build" / "emulator"


@functools.cache
def loaded() -> ctypes.CDLL:
    """Returns the library; its kernels are in this process for good."""
    path = _compiled()
    tf.load_library(str(path))
    return ctypes.CDLL(str(path))


def _compiled() -> Path:
    digest = hashlib.sha256(tf.version.GIT_VERSION.encode())
    for source in sorted(_SOURCES.iterdir()):
        digest.update(source.read_bytes())
    path = _BUILT / f"{digest.hexdigest()[:16]}.so"
    if path.exists():
        return path
    _BUILT.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    flags = [*tf.sysconfig.get_compile_flags(), *tf.sysconfig.get_link_flags()]
    # -w: TensorFlow's headers warn of their own deprecations.
    command = ["g++", "-w", "-O0", "-shared", "-fPIC", _SOURCES / "kernels.cc"]
    built = subprocess.run(
        [*command, "-o", partial, *flags], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    partial.replace(path)
    return path
