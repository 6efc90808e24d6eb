"""`shardline agent`: keeps the newest published version beside a model server."""

import logging
from typing import Annotated

import typer

from shardline.configs import ConfigError
from shardline.pipeline.commands.console import end, failing_on
from shardline.pipeline.terminal.escaping import log_to_terminal
from shardline.pipeline.terminal.native_output import stderr_held_back


def agent(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="The folder or URI that models are published to."
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="The folder that the model server reads."
        ),
    ],
    every: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two checks for a version.")
    ] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="Check once, then end.")] = False,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many versions TARGET keeps, the newest. Default: all."
        ),
    ] = None,
) -> None:
    """Copy each newly published version to a model server's folder.

    A version that was published as a delta is put together from the delta and
    what TARGET has already, so that only what changed is fetched. Ends at
    SIGTERM or Ctrl-C. With --once the exit code is 1 if TARGET is not up to
    date at the end.
    """
    from shardline.components.pusher.agent import run_agent
    from shardline.components.pusher.publication import PublicationError
    from shardline.components.pusher.stores.stores import open_store

    with failing_on(ConfigError, OSError, PublicationError):
        log_to_terminal("shardline", logging.INFO, others_level=logging.WARNING)
        with stderr_held_back():  # of TensorFlow, which is imported for object stores
            stores = open_store(source), open_store(target)
        is_up_to_date = run_agent(
            *stores,
            every_s=every,
            keep=keep,
            is_once=once,
        )
    if once and not is_up_to_date:
        end(1)
