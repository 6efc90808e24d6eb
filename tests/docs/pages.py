"""Blocks of the documents, and their commands run as a reader runs them."""

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
# The ports that the pages name, which another process may have.
GRPC_PORT, REST_PORT = "8500", "8501"
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_MARK = "=== block "
_TIME_LIMIT_S = 600


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        language: the word after its fence.
        text: without the fence and the indent.
        heading: the heading that it stands below.
    """

    language: str
    text: str
    heading: str


def blocks(page: str, language: str | None = None) -> list[Block]:
    """Returns the blocks of a page in order.

    Args:
        page: its file below the documents.
        language: of these blocks only; None: of all.
    """
    text = (DOCS / page).read_text()
    found = []
    for fence in _FENCE.finditer(text):
        before = _FENCE.sub("", text[: fence.start()])
        headings = re.findall(r"^#+ (.*)$", before, re.MULTILINE)
        found.append(Block(fence[2], textwrap.dedent(fence[3]), headings[-1]))
    return [block for block in found if language in (None, block.language)]


def block(page: str, language: str, heading: str) -> str:
    """Returns the text of the only block of a language below a heading."""
    (only,) = (b.text for b in blocks(page, language) if b.heading == heading)
    return only


def with_free_ports(texts: Sequence[str]) -> list[str]:
    """Returns commands with ports that are free, in place of those of the pages."""
    serve = rf"\g<0> --grpc-port {GRPC_PORT} --rest-port {REST_PORT}"
    texts = [re.sub(r"shardline serve \S+", serve, text) for text in texts]
    with socket.socket() as grpc, socket.socket() as rest:
        for port, held in {GRPC_PORT: grpc, REST_PORT: rest}.items():
            held.bind(("127.0.0.1", 0))
            free = str(held.getsockname()[1])
            texts = [text.replace(port, free) for text in texts]
    return texts


def run_blocks(commands: Sequence[str], folder: Path) -> list[str]:
    """Runs blocks of commands one after the other, in one shell.

    Args:
        commands: what the blocks say.
        folder: where they are run.

    Returns:
        What each has printed.

    Raises:
        AssertionError: if a command fails; with all that was printed.
    """
    script = "set -e\n" + "".join(
        f"echo '{_MARK}{number}'\n{text}\n" for number, text in enumerate(commands)
    )
    with shell(script, folder) as (process, printed):
        code = process.wait(_TIME_LIMIT_S)
        text = printed.read_text()
    assert code == 0, text
    return re.split(rf"{_MARK}\d+\n", text)[1:]


@contextmanager
def shell(script: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Starts a shell, and ends it and all that it has started.

    Args:
        script: what it runs.
        folder: where.

    Yields:
        Its process, and the file of what it prints.
    """
    printed = folder.with_name(f"{folder.name}.printed")
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
        "COLUMNS": "200",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    with printed.open("wb") as file:
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process, printed
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
