"""The `shardline` command: its commands, and what Ctrl-C and SIGTERM do to them."""

from typing import Any

import typer
import typer.core

from shardline.pipeline.commands.agent import agent
from shardline.pipeline.commands.airflow import write_airflow
from shardline.pipeline.commands.check import check_configuration
from shardline.pipeline.commands.checkpoint import checkpoint
from shardline.pipeline.commands.compile import compile_pipeline
from shardline.pipeline.commands.conformance import conformance
from shardline.pipeline.commands.console import error_console
from shardline.pipeline.commands.doctor import doctor
from shardline.pipeline.commands.erase import erase_ids
from shardline.pipeline.commands.evaluate import evaluate
from shardline.pipeline.commands.init import init
from shardline.pipeline.commands.metadata import metadata
from shardline.pipeline.commands.models import models
from shardline.pipeline.commands.plan import plan
from shardline.pipeline.commands.preprocess import preprocess
from shardline.pipeline.commands.run import run_pipeline
from shardline.pipeline.commands.runner_options import TakesRunnerOptions
from shardline.pipeline.commands.scale import scale
from shardline.pipeline.commands.schedule import schedule
from shardline.pipeline.commands.score import score
from shardline.pipeline.commands.serve import serve
from shardline.pipeline.commands.serve_check import serve_check
from shardline.pipeline.commands.spans import spans
from shardline.pipeline.commands.submit import submit
from shardline.pipeline.commands.worker import worker
from shardline.pipeline.runners.interruption import end_interrupted, stops_as_at_ctrl_c


class _Commands(typer.core.TyperGroup):
    """Commands that clean up and end with one line at Ctrl-C and at SIGTERM alike."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command."""
        try:
            with stops_as_at_ctrl_c():
                return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            error_console.print(
                f"Interrupted: shardline {ctx.invoked_subcommand}. No unfinished "
                "output is left; run the same command again.",
                highlight=False,
                soft_wrap=True,
            )
            end_interrupted(interruption)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Train, publish and serve recommender models with large embedding tables. "
    "A YAML file describes the data, the features and the training; see "
    "docs/configuration.md.",
)
# In the order of the help, which lists groups such as `models` last.
app.command("doctor")(doctor)
app.command("init")(init)
app.command("check")(check_configuration)
app.command("plan")(plan)
app.command("scale")(scale)
app.command("run")(run_pipeline)
app.command("worker")(worker)
app.command("erase")(erase_ids)
app.command("serve")(serve)
app.command("serve-check")(serve_check)
app.command("agent")(agent)
app.command(
    "preprocess",
    context_settings={"allow_extra_args": True},
    epilog="Options of Beam and of its runner come last, after two hyphens: "
    "shardline preprocess CONFIG --output FOLDER --runner flink -- "
    "--flink_master=HOST:PORT",
)(preprocess)
app.command(
    "score",
    cls=TakesRunnerOptions,
    epilog="Such as: shardline score CONFIG 'new/*.csv' --output scores. Options of "
    "Beam and of its runner come last, after two hyphens.",
)(score)
app.command(
    "evaluate",
    epilog="Such as: shardline evaluate CONFIG 'labelled/*.csv' --slice country",
)(evaluate)
app.command("conformance")(conformance)
app.command("compile")(compile_pipeline)
app.command("airflow")(write_airflow)
app.command("submit")(submit)
app.add_typer(models, name="models")
app.add_typer(checkpoint, name="checkpoint")
app.add_typer(metadata, name="metadata")
app.add_typer(spans, name="spans")
app.add_typer(schedule, name="schedule")
