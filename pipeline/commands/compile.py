"""`shardline compile`: the pipeline as a specification for another platform."""

from pathlib import Path
from typing import Annotated

import typer

from shardline.configs import ConfigError, load_run
from shardline.pipeline.commands.console import (
    console,
    failing_on,
    load,
    print_line,
)
from shardline.pipeline.commands.options import (
    Configuration,
    DataPath,
    Image,
    PipelineRoot,
    Runner,
    ServingDir,
    refused_if_remote,
)
from shardline.pipeline.names import pipeline_name, shows_run_name
from shardline.pipeline.platforms.runners import platform_runner
from shardline.pipeline.platforms.target import target_of
from shardline.pipeline.terminal.native_output import stderr_held_back


def compile_pipeline(
    config: Configuration,
    runner: Runner,
    output: Annotated[
        Path,
        typer.Option(
            callback=refused_if_remote,
            help="The file to write. Kubeflow reads .yaml; Vertex that and .json.",
        ),
    ],
    pipeline_root: PipelineRoot = None,
    serving_dir: ServingDir = None,
    data_path: DataPath = None,
    image: Image = None,
) -> None:
    """Write the pipeline as a specification that another platform can run.

    Options go before what section `platform` of the configuration says.
    """
    with failing_on(ValueError):
        platform = platform_runner(runner)
    run = load(config, load_run)
    with failing_on(ConfigError, OSError):
        target = target_of(
            run,
            platform,
            {
                "image": image,
                "pipeline_root": pipeline_root,
                "serving_dir": serving_dir,
                "data_path": data_path,
            },
            config,
        )
        with console.status("Compiling"), stderr_held_back():
            from shardline.pipeline.platforms.specification import compile_specification

            compile_specification(run, target, output, config)
    print_line(f"Wrote {output}")
    if not shows_run_name(run.name):
        print_line(
            f"Its pipeline is `{pipeline_name(run.name)}`: the platform takes 63 "
            f"lower case letters, digits and hyphens, and the run is `{run.name}`."
        )
