"""Builds the C client that scores with an exported model outside Python.

Not a test module: a fixture anywhere under tests/ may load it by path and build the
client once a session. Compiling takes a tenth of a second, linking about ten, because
the linker reads the whole symbol table of TensorFlow's library.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf

SOURCE = Path(__file__).with_name("score_client.c")


def build_score_client(directory: Path) -> Path:
    """Compiles `score_client.c` against the installed TensorFlow.

    The running test is skipped where there is no gcc.

    Args:
        directory: existing folder the executable is written to.

    Returns:
        The executable; its usage is `score_client MODEL_DIR EXAMPLES_FILE`.

    Raises:
        RuntimeError: gcc refused the source; the message is gcc's.
    """
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc here to build the C client with")
    client = directory / "score_client"
    built = subprocess.run(
        [gcc, *_flags(), str(SOURCE), "-o", str(client), *_link_flags()],
        capture_output=True,
        text=True,
    )
    if built.returncode != 0:
        raise RuntimeError(f"gcc does not build {SOURCE.name}:\n{built.stderr}")
    return client


def _flags() -> list[str]:
    return ["-std=c11", "-O1", "-Wall", "-Wextra", f"-I{tf.sysconfig.get_include()}"]


def _link_flags() -> list[str]:
    """Names the libraries by file: the wheel has no unversioned `.so` for `-l`."""
    library = tf.sysconfig.get_lib()
    return [
        f"-L{library}",
        "-l:libtensorflow_cc.so.2",
        "-l:libtensorflow_framework.so.2",
        f"-Wl,-rpath,{library}",
    ]
