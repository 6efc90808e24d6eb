"""The requests of docs/server.md, asked of a server of the shop's model."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from shardline_tests import load

pages = load("docs/pages.py")

pytestmark = pytest.mark.slow

HEADING = "A request in columns"


@pytest.fixture(scope="module")
def asked(shop: Any) -> Iterator[tuple[str, str]]:
    """What curl and the client of the page print, while the shop's model is served."""
    curl = pages.block("server.md", "sh", HEADING)
    client = pages.block("server.md", "python", HEADING)
    serve, wait, curl, client = pages.with_free_ports(
        ["shardline serve shop.yaml", wait_block(), curl, client]
    )
    (shop.folder / "client.py").write_text(client)
    with pages.shell(serve, shop.folder):
        subprocess.run(["bash", "-c", wait], check=True, timeout=120)
        answers = [
            subprocess.run(
                command,
                cwd=shop.folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            ).stdout
            for command in (["bash", "-c", curl], [sys.executable, "client.py"])
        ]
        yield answers[0], answers[1]


def wait_block() -> str:
    """Returns the line of docs/your-data.md that waits for a server."""
    lines = pages.blocks("your-data.md", "sh")
    (line,) = (
        line for b in lines for line in b.text.splitlines() if line.endswith("readyz")
    )
    return str(line)


def test_rest_answers_as_shown(asked: tuple[str, str]) -> None:
    shown = json.loads(pages.block("server.md", "json", HEADING))
    answer = json.loads(asked[0])

    assert answer.keys() == shown.keys()
    np.testing.assert_allclose(answer["outputs"], shown["outputs"], atol=0.01)


def test_client_of_grpc_gets_the_same_numbers(asked: tuple[str, str]) -> None:
    shown = np.fromstring(pages.block("server.md", "", HEADING).strip("[]\n"), sep=" ")
    scores = np.fromstring(asked[1].strip("[]\n"), np.float32, sep=" ")

    np.testing.assert_allclose(scores, shown, atol=0.01)
    np.testing.assert_allclose(scores, json.loads(asked[0])["outputs"], rtol=1e-6)
