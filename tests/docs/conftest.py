"""The shop of docs/your-data.md, made and published by the page's own commands."""

from pathlib import Path
from typing import NamedTuple

import pytest
from shardline_tests import load

pages = load("docs/pages.py")


class Followed(NamedTuple):
    """A page whose commands were run.

    Attributes:
        folder: where they were run.
        printed: what each block of commands has printed, by its heading.
    """

    folder: Path
    printed: dict[str, str]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """A folder in which all commands of the page were run, with free ports."""
    folder = tmp_path_factory.mktemp("shop")
    blocks = pages.blocks("your-data.md", "sh")
    commands = pages.with_free_ports([block.text for block in blocks])
    printed: dict[str, str] = {}
    for block, text in zip(blocks, pages.run_blocks(commands, folder), strict=True):
        printed[block.heading] = printed.get(block.heading, "") + text
    return Followed(folder, printed)
