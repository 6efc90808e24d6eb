"""A configuration is drafted: files are found, sampled, and decided on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from shardline.components.drafter.choices import Choices, choose
from shardline.components.drafter.document import document
from shardline.components.drafter.found_files import find
from shardline.components.drafter.names import clean_name
from shardline.components.drafter.tables import tables_of


class Draft(NamedTuple):
    """A configuration that nobody has looked at yet.

    Attributes:
        name: of the run.
        text: YAML with comments.
        choices: what it says.
    """

    name: str
    text: str
    choices: Choices


def draft(
    files: Sequence[str],
    *,
    name: str | None = None,
    label: str | None = None,
    time: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Draft:
    """Looks at files, and drafts a configuration for them.

    Args:
        files: files, folders, or one zip archive.
        name: of the run; by default made of the name of the files.
        label: the column of the label; by default the likeliest.
        time: the column of times to split by; by default the likeliest.
        say: takes a line that says what is being done.

    Raises:
        DraftError: no configuration can be made of them; the message says why.
    """
    say("Looking at the files")
    found = find(files)
    tables, left_out = tables_of(found)
    say("Choosing")
    choices = choose(found, tables, left_out, label, time)
    run = name or _name(files, choices)
    return Draft(run, document(run, choices), choices)


def _name(files: Sequence[str], choices: Choices) -> str:
    path = files[0] if len(files) == 1 else choices.examples.names[0]
    return clean_name(
        os.path.basename(os.path.abspath(path)).partition(".")[0], kind="run"
    )
