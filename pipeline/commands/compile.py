"""`shardline compile`: the pipeline as a specification for another platform."""

from pathlib import Path
from typing import Annotated

import typer

from shardline.configs import ConfigError, load_run
from shardline.pipeline.commands.console import (
    console,
    fail,
    failing_on,
    load,
    print_line,
)
from shardline.pipeline.commands.options import Configuration
from shardline.pipeline.names import pipeline_name, shows_run_name
from shardline.pipeline.terminal.native_output import stderr_held_back


def compile_pipeline(
    config: Configuration,
    runner: Annotated[
        str,
        typer.Option(
            help="The platform to write for. There is one: kubeflow, for Kubeflow "
            "Pipelines v2 and Vertex AI."
        ),
    ],
    pipeline_root: Annotated[
        str, typer.Option(help="The folder or URI that artifacts are written to.")
    ],
    serving_dir: Annotated[
        str, typer.Option(help="The folder or URI that models are published to.")
    ],
    data_path: Annotated[
        str, typer.Option(help="The path under which the containers find the raw data.")
    ],
    image: Annotated[
        str, typer.Option(help="The container image that has Shardline installed.")
    ],
    output: Annotated[Path, typer.Option(help="The file to write.")],
) -> None:
    """Write the pipeline as a specification that another platform can run."""
    if runner != "kubeflow":
        fail(ValueError(f"There is no runner `{runner}`; use kubeflow."))
    run = load(config, load_run)
    with failing_on(ConfigError, OSError):
        with console.status("Compiling"), stderr_held_back():
            from shardline.pipeline.platforms.specification import compile_kubeflow

            compile_kubeflow(
                run,
                pipeline_root=pipeline_root,
                serving_dir=serving_dir,
                data_path=data_path,
                image=image,
                output=output,
            )
    print_line(f"Wrote {output}")
    if not shows_run_name(run.name):
        print_line(
            f"Its pipeline is `{pipeline_name(run.name)}`: the platform takes 63 "
            f"lower case letters, digits and hyphens, and the run is `{run.name}`."
        )
