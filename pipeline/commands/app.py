"""The `shardline` command."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import typer.core

from shardline.configs import ConfigError, Job, load_job, load_run
from shardline.pipeline.commands.models import agent, models
from shardline.pipeline.commands.serve import serve
from shardline.pipeline.layout import OutputError, layout_of
from shardline.pipeline.names import is_as_given, pipeline_name
from shardline.pipeline.runners.interruption import (
    children_end_first,
    end_interrupted,
    stops_as_at_ctrl_c,
)
from shardline.pipeline.terminal.native_output import (
    stderr_held_back,
    temporary_files_removed,
)
from shardline.pipeline.terminal.terminal import Terminal, print_json


class _Commands(typer.core.TyperGroup):
    """Commands that Ctrl-C and SIGTERM end alike: cleaned up, and in a line."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command."""
        try:
            with stops_as_at_ctrl_c():
                return super().invoke(ctx)
        except KeyboardInterrupt as signalled:
            _errors.print(
                f"Interrupted: shardline {ctx.invoked_subcommand}. Nothing half-made "
                "is left; run the same command again.",
                highlight=False,
                soft_wrap=True,
            )
            end_interrupted(signalled)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Trains recommender models with host-sharded embedding tables.",
)
_Read = TypeVar("_Read", bound=Job)
_console = Terminal()
_errors = Terminal(stderr=True)

_Config = Annotated[Path, typer.Argument(help="The run's configuration, a YAML file.")]
_OutputDir = Annotated[
    Path | None,
    typer.Option(help="Where outputs go. Default: runs/<name of the run>."),
]


@app.command("run")
def run_pipeline(
    config: _Config,
    output_dir: _OutputDir = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Do not reuse earlier work.")
    ] = False,
    force: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Publish whatever the gates say; the reason is recorded.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what libraries log, too.")
    ] = False,
) -> None:
    """Run the pipeline: examples, features, training, evaluation, publishing."""
    from shardline.pipeline.runners.process import run_in_process

    if force is not None and not force.strip():
        _fail(ValueError("--force needs a reason, which is recorded; it is empty."))
    layout = layout_of(_load(config, load_run).name, output_dir)
    try:
        layout.make()
    except OutputError as error:
        _fail(error)
    arguments = [] if not no_cache else ["--no-cache"]
    arguments += [f"--force={force.strip()}"] if force else []
    raise typer.Exit(
        run_in_process(config, layout, _console, arguments, verbose=verbose)
    )


@app.command()
def serve_check(config: _Config, output_dir: _OutputDir = None) -> None:
    """Check that the published model answers as the engine did in training."""
    from shardline.pipeline.commands.serve_check import ServeCheckError, check_published

    loaded = _load(config, load_run)
    layout = layout_of(loaded.name, output_dir)
    _console.print("Replaying the trainer's predictions in a fresh process")
    try:
        with _console.status(""), stderr_held_back():
            checked = check_published(layout.serving, loaded.serving.max_difference)
    except ServeCheckError as error:
        _fail(error)
    _console.print(checked, soft_wrap=True, markup=False)


@app.command(
    context_settings={"allow_extra_args": True},
    epilog="Options of Beam and the runner come last: -- --flink_master=HOST:PORT",
)
def preprocess(
    context: typer.Context,
    config: _Config,
    output: Annotated[str, typer.Option(help="Folder to write; not there yet.")],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="Files to read instead of the configuration's, as a pattern. "
            "{SPAN} stands for the number of a span. Can be repeated.",
        ),
    ] = None,
    runner: Annotated[
        str, typer.Option(help="direct, flink, spark, dataflow or portable.")
    ] = "direct",
    forms: Annotated[
        list[str] | None,
        typer.Option("--format", help="tfrecord (default), parquet, or both."),
    ] = None,
    cache: Annotated[
        str | None, typer.Option(help="Folder where counts of spans are kept.")
    ] = None,
    transform_graph: Annotated[
        str | None, typer.Option(help="Apply this graph instead of analysing.")
    ] = None,
) -> None:
    """Turn raw examples into ids and numbers, without the rest of the pipeline."""
    job = _load(config, load_job)
    try:
        with stderr_held_back(), temporary_files_removed(), children_end_first():
            from shardline.pipeline.commands.preprocess import (
                examples_of,
                run_preprocess,
            )

            run_preprocess(
                job,
                examples_of(job, inputs or [], Path("runs", job.name, "data")),
                _console,
                output=output,
                runner=runner,
                options=context.args,
                forms=forms or ["tfrecord"],
                cache=cache,
                graph=transform_graph,
            )
    except (OSError, RuntimeError, ValueError) as error:
        _fail(error)


@app.command()
def doctor() -> None:
    """Say what is wrong with this environment, and how to mend it."""
    from shardline.pipeline.doctor.diagnosis import diagnose, render, worst

    _console.print("Looking at the environment, for about 20 s")
    with _console.status(""):
        findings = diagnose()
    render(findings, _console)
    raise typer.Exit(1 if worst(findings) == "error" else 0)


@app.command(name="check")
def check_config(
    config: _Config,
    rows: Annotated[int, typer.Option(min=1, help="Examples to sample.")] = 1000,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON.")
    ] = False,
) -> None:
    """Compare a configuration with a sample of its data, before anything runs."""
    try:
        load_job(config)  # its own faults, before anything slow is imported
        from shardline.components.checker.checking import check
        from shardline.pipeline.commands.check import render

        with _console.status("") as status, stderr_held_back():
            report = check(config, rows, status.update)
    except ConfigError as error:
        if as_json:
            from shardline.components.checker.report import static_json

            print_json(static_json(str(config), error))
            raise typer.Exit(1) from error
        _fail(error)
    if as_json:
        print_json(report.to_json())
    else:
        render(report, _console)
    raise typer.Exit(1 if report.faults else 0)


@app.command()
def plan(
    config: _Config,
    hosts: Annotated[
        int | None, typer.Option(min=1, help="Default: training.hosts, or 1.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Default: training.batch_size, or 1024.")
    ] = None,
    sparse_cores: Annotated[
        int, typer.Option(min=1, help="SparseCores that share a batch.")
    ] = 4,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File to write the plan to.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Folder to draw the plan in.")
    ] = None,
) -> None:
    """Read the training examples once, and say what the tables will hold and cost."""
    job = _load(config, load_job)
    with stderr_held_back():
        from shardline.pipeline.commands.plan import (
            make_plan,
            render,
            training_setup,
            write_json,
        )
    setup = training_setup(job, hosts, batch_size, sparse_cores)
    try:
        with _console.status("Reading") as status, stderr_held_back():
            downloads = Path("runs", job.name, "data")
            made, bad = make_plan(job, downloads, setup, status.update)
        render(made, bad, _console)
        if json_file:
            write_json(made, json_file)
        if plots:
            from shardline.components.planner.plots import draw

            draw(made, str(plots))
    except (OSError, RuntimeError, ValueError) as error:
        _fail(error)


@app.command(name="compile")
def compile_pipeline(
    config: _Config,
    runner: Annotated[
        str, typer.Option(help="The platform; only `kubeflow` (v2, Vertex) so far.")
    ],
    pipeline_root: Annotated[str, typer.Option(help="Where artifacts go.")],
    serving_dir: Annotated[str, typer.Option(help="The folder that servers watch.")],
    data_path: Annotated[str, typer.Option(help="The raw data, as containers see it.")],
    image: Annotated[str, typer.Option(help="Container image with this project.")],
    output: Annotated[Path, typer.Option(help="The specification to write.")],
) -> None:
    """Write the pipeline as a specification that another platform runs."""
    if runner != "kubeflow":
        _fail(ValueError(f"There is no runner `{runner}`; use kubeflow."))
    loaded = _load(config, load_run)
    try:
        with _console.status("Compiling"), stderr_held_back():
            from shardline.pipeline.runners.kubeflow import compile_kubeflow

            compile_kubeflow(
                loaded,
                pipeline_root=pipeline_root,
                serving_dir=serving_dir,
                data_path=data_path,
                image=image,
                output=output,
            )
    except (ConfigError, OSError) as error:
        _fail(error)
    _console.print(f"Wrote {output}", soft_wrap=True, markup=False)
    if not is_as_given(loaded.name):
        _console.print(
            f"Its pipeline is `{pipeline_name(loaded.name)}`: the platform takes 63 "
            f"lower case letters, digits and hyphens, and the run is `{loaded.name}`.",
            soft_wrap=True,
            markup=False,
        )


app.add_typer(models, name="models")
app.command()(agent)
app.command()(serve)


def _load(config: Path, load: Callable[[Path], _Read]) -> _Read:
    """Reads a configuration; ends the command if it is faulty."""
    try:
        return load(config)
    except ConfigError as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    _errors.print(str(error), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1)
