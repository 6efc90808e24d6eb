"""Arguments and options that several commands have, each with one name and help."""

from pathlib import Path
from typing import Annotated

import typer

from shardline.configs.locations import is_remote_path


def refused_if_remote(path: Path | None) -> Path | None:
    """Returns the path that an option or argument gives, on this machine.

    Raises:
        typer.BadParameter: if it is a URI of an object store.
    """
    if path is not None and is_remote_path(path):
        raise typer.BadParameter(
            f"{path} is in an object store, and this must be a file or folder of this "
            "machine. Name a local one."
        )
    return path


def refuse_existing(path: Path) -> None:
    """Refuses an output that would be written over another file.

    Raises:
        ValueError: if there is such a file.
    """
    if path.exists():
        raise ValueError(
            f"{path} is there already, and is not written over. Give another by "
            "`--output`, or remove it."
        )


Configuration = Annotated[
    Path,
    typer.Argument(
        callback=refused_if_remote,
        metavar="CONFIG",
        help="The configuration of the run: a YAML file.",
    ),
]
OutputDir = Annotated[
    Path | None,
    typer.Option(
        callback=refused_if_remote,
        help="The run folder, where the outputs of the run are kept. "
        "Default: runs/<name of the run>.",
    ),
]
Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILES...",
        help="Files of rows, or patterns between quotes, such as 'data/day-*.csv', of "
        "the format of data.files. With a reader of one's own: TFRecords of the "
        "tf.Examples that it gives.",
    ),
]
ModelVersion = Annotated[
    int | None,
    typer.Option("--version", help="The version of the model. Default: the newest."),
]
ModelFolder = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="The folder or URI of published models. Default: that of the run.",
    ),
]
PrintJson = Annotated[
    bool, typer.Option("--json", help="Print JSON instead of a table.")
]
Runner = Annotated[
    str, typer.Option(help="The platform: kubeflow, for Kubeflow Pipelines v2; vertex.")
]
PipelineRoot = Annotated[
    str | None,
    typer.Option(help="The folder or URI that artifacts are written to."),
]
ServingDir = Annotated[
    str | None,
    typer.Option(help="The folder or URI that models are published to."),
]
DataPath = Annotated[
    str | None,
    typer.Option(help="The path or URI where containers find the raw data."),
]
Image = Annotated[
    str | None,
    typer.Option(help="The container image that has Shardline installed."),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print the request as JSON; reach nothing over the network."
    ),
]
