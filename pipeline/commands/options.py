"""Arguments and options that several commands have, each with one name and help."""

from pathlib import Path
from typing import Annotated

import typer

Configuration = Annotated[
    Path,
    typer.Argument(metavar="CONFIG", help="The configuration of the run: a YAML file."),
]
OutputDir = Annotated[
    Path | None,
    typer.Option(
        help="The run folder, where the outputs of the run are kept. "
        "Default: runs/<name of the run>."
    ),
]
PrintJson = Annotated[
    bool, typer.Option("--json", help="Print JSON instead of a table.")
]
