"""`shardline init`: a first configuration, drafted from a look at files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardline.pipeline.commands.console import console, failing_on, print_line
from shardline.pipeline.commands.options import refuse_existing, refused_if_remote
from shardline.pipeline.terminal.native_output import stderr_held_back

if TYPE_CHECKING:
    from shardline.components.drafter.drafting import Draft


def init(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES",
            help="Files of examples, folders of them, or one zip archive.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            callback=refused_if_remote,
            help="The configuration to write. Default: <name>.yaml.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="The name of the run. Default: that of the files."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="The column to predict. Default: the likeliest one."),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="The column of times by which the last examples are held out. "
            "Default: the likeliest one.",
        ),
    ] = None,
) -> None:
    """Look at files, and write a first configuration for them.

    Reads the start of each kind of file (CSV of any dialect, Parquet, TFRecord
    of tf.Examples), and writes YAML that says what its columns may be, with the
    reason beside each line. It is a guess: look at it, then check it.
    """
    with failing_on(OSError, ValueError):
        _refuse_name(name)
        if output is not None:
            refuse_existing(output)
        with console.status("Loading") as status, stderr_held_back():
            from shardline.components.drafter.drafting import draft

            drafted = draft(files, name=name, label=label, time=time, say=status.update)
        path = output or Path(f"{drafted.name}.yaml")
        refuse_existing(path)
        with path.open("x", encoding="utf-8") as file:
            file.write(drafted.text)
    _tell(drafted, path)


def _refuse_name(name: str | None) -> None:
    from shardline.components.drafter.names import clean_name

    if name is not None and name != clean_name(name, kind="run"):
        raise ValueError(
            f"--name {name}: a name has lower case letters, digits and underscores, "
            f"the first a letter. Give `{clean_name(name, kind='run')}`."
        )


def _tell(drafted: "Draft", path: Path) -> None:
    """Prints what was chosen in a few lines, and what to do next."""
    from shardline.components.drafter.summary import summary

    print_line(f"Wrote {path}")
    for line in summary(drafted.choices):
        print_line(f"  {line}")
    print_line("Look at the reasons in the file, then:")
    for command in ("check", "plan", "run"):
        print_line(f"  shardline {command} {path}")
