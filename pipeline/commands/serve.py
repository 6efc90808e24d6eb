"""`shardline serve`: a published model behind gRPC and REST."""

import contextlib
import ipaddress
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shardline.components.pusher.stores.stores import open_store
from shardline.components.server.memory import return_freed
from shardline.configs import ConfigError, load_run
from shardline.pipeline.run_folder import run_folder_of
from shardline.pipeline.terminal.escaping import EscapingConsole, log_to_terminal
from shardline.pipeline.terminal.native_output import stderr_held_back

if TYPE_CHECKING:
    from shardline.components.server.server import Server
    from shardline.components.server.settings import Settings

_console = EscapingConsole(soft_wrap=True, markup=False, highlight=False)
_errors = EscapingConsole(stderr=True)
_Port = Annotated[int, typer.Option(min=0, max=65535, help="0 is a free one.")]


def serve(
    where: Annotated[
        Path,
        typer.Argument(
            metavar="WHERE", help="A run's configuration, or a serving folder."
        ),
    ],
    output_dir: Annotated[
        Path | None,
        typer.Option(help="Where the run's outputs are. Default: runs/<its name>."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What requests call the model. Default: the run's name."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at. There is no encryption.")
    ] = "127.0.0.1",
    grpc_port: _Port = 8500,
    rest_port: _Port = 8501,
    poll: Annotated[
        float, typer.Option(min=0.05, help="Seconds between two looks for a version.")
    ] = 1.0,
    max_batch: Annotated[
        int, typer.Option(min=1, help="Examples run together; 1: none but a request's.")
    ] = 256,
    batch_timeout: Annotated[
        float,
        typer.Option(
            min=0, help="Milliseconds that a request waits for others to be run with."
        ),
    ] = 0.0,
    max_request_bytes: Annotated[int, typer.Option(min=1024, help="Of a request.")] = 16
    << 20,
    max_examples: Annotated[int, typer.Option(min=1, help="Of a request.")] = 8192,
    max_queue: Annotated[int, typer.Option(min=1, help="Requests at once.")] = 256,
    read_timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds for the body of an HTTP request.")
    ] = 30.0,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds for requests to finish at the end.")
    ] = 10.0,
) -> None:
    """Serve the newest published version over gRPC and REST, as TensorFlow Serving."""
    with _faults_in_a_line():
        folder, known_as = serving_folder(where, output_dir)
        _run(
            folder=folder,
            name=name or known_as,
            host=host,
            grpc_port=grpc_port,
            rest_port=rest_port,
            poll_s=poll,
            max_batch=max_batch,
            batch_timeout_s=batch_timeout / 1000,
            max_request_bytes=max_request_bytes,
            max_examples=max_examples,
            max_queue=max_queue,
            read_timeout_s=read_timeout,
            grace_s=grace,
        )


def _run(**options: Any) -> None:
    """Runs the server with these settings until it is told to end."""
    return_freed()
    _prepare_process()
    with stderr_held_back():
        from shardline.components.server.server import run_server
        from shardline.components.server.settings import Settings

    settings = Settings(**options)
    run_server(settings, lambda server: _announce(settings, server))


def serving_folder(where: Path, output_dir: Path | None) -> tuple[Path, str]:
    """Returns a serving folder, and what its model is called.

    Args:
        where: a run's configuration, or the folder itself.
        output_dir: of the run, if not `runs/<name>`.
    """
    if where.is_dir():
        folder = where.resolve()
        # Of a run, `runs/<name>/serving`.
        return folder, (folder.parent if folder.name == "serving" else folder).name
    run = load_run(where)
    return run_folder_of(run.name, output_dir).serving, run.name


def _prepare_process() -> None:
    """Sets what TensorFlow reads when it is imported, and the log."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Else the memory of a version that is no longer served stays with TensorFlow.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    log_to_terminal(logging.ERROR, logging.INFO, "shardline.components.server")


def _announce(settings: "Settings", server: "Server") -> None:
    host = settings.host
    at = f"[{host}]" if ":" in host else host
    _console.print(f"Model {settings.name} of {settings.folder}")
    _console.print(f"gRPC at {at}:{server.grpc_port}")
    _console.print(f"REST at http://{at}:{server.rest_port}/v1/models/{settings.name}")
    if note := unserved_delta(settings.folder):
        _console.print(note)
    if not _is_loopback(host):
        _console.print(
            f"{host} is not this machine alone, and there is neither encryption nor a "
            "password: let only those reach it who may."
        )


def unserved_delta(folder: Path) -> str:
    """Returns a note if the newest version is a delta, which no server reads.

    Args:
        folder: the serving folder.
    """
    store = open_store(str(folder))
    newest = store.newest()
    if newest is None or store.is_full(newest):
        return ""
    return (
        f"The newest version, {newest}, is a delta, which is not served. Let "
        f"`shardline agent {folder} TARGET` make full versions, and serve TARGET."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def _faults_in_a_line() -> Iterator[None]:
    """Ends the command with what went wrong, in a line."""
    try:
        yield
    except (ConfigError, OSError, RuntimeError) as error:
        _errors.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
