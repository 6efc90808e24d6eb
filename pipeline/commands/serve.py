"""`shardline serve`: a published model behind gRPC and REST."""

import ipaddress
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardline.configs import ConfigError, load_run
from shardline.configs.locations import is_remote_path
from shardline.pipeline.commands.console import failing_on, print_line
from shardline.pipeline.commands.options import OutputDir
from shardline.pipeline.run_folder import run_folder_of
from shardline.pipeline.terminal.escaping import log_to_terminal
from shardline.pipeline.terminal.native_output import stderr_held_back

if TYPE_CHECKING:
    from shardline.components.server.server import Server
    from shardline.components.server.settings import Settings

_Port = Annotated[
    int, typer.Option(min=0, max=65535, help="The port; 0 takes one that is free.")
]


def _refused_if_remote(where: Path) -> Path:
    """Refuses a serving folder in an object store.

    Raises:
        typer.BadParameter: if it is one.
    """
    if is_remote_path(where):
        raise typer.BadParameter(
            f"{where} is in an object store, and a server reads a local folder. Keep "
            "one up to date with `shardline agent URI FOLDER`, and serve that."
        )
    return where


def serve(
    where: Annotated[
        Path,
        typer.Argument(
            callback=_refused_if_remote,
            metavar="WHERE",
            help="The configuration of the run whose model to serve, or a folder of "
            "published models.",
        ),
    ],
    output_dir: OutputDir = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="The name of the model in requests. Default: the name of the run."
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(help="The address to listen at. Connections are not encrypted."),
    ] = "127.0.0.1",
    grpc_port: _Port = 8500,
    rest_port: _Port = 8501,
    poll: Annotated[
        float, typer.Option(min=0.05, help="Seconds between two checks for a version.")
    ] = 1.0,
    max_batch: Annotated[
        int,
        typer.Option(
            min=1,
            help="The most examples to score together. Requests that come at the same "
            "time share a batch; with 1 each request is scored by itself.",
        ),
    ] = 256,
    batch_timeout: Annotated[
        float,
        typer.Option(
            min=0,
            help="Milliseconds that a request waits for others to join its batch.",
        ),
    ] = 0.0,
    max_request_bytes: Annotated[
        int, typer.Option(min=1024, help="The most bytes that a request may have.")
    ] = 16 << 20,
    max_examples: Annotated[
        int, typer.Option(min=1, help="The most examples that a request may have.")
    ] = 8192,
    max_queue: Annotated[
        int,
        typer.Option(
            min=1,
            help="The most requests to work on at once; others are refused.",
        ),
    ] = 256,
    read_timeout: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds within which an HTTP request must arrive."),
    ] = 30.0,
    grace: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds that open requests have to finish when the server ends.",
        ),
    ] = 10.0,
) -> None:
    """Serve the newest published version over gRPC and REST.

    Requests and answers are those of TensorFlow Serving. A version that is
    published later takes over as soon as it is loaded. Ends at SIGTERM or Ctrl-C.
    """
    with failing_on(ConfigError, OSError, RuntimeError):
        from shardline.components.server.memory import return_freed

        folder, default_name = serving_folder(where, output_dir)
        return_freed()
        _prepare_process()
        with stderr_held_back():
            from shardline.components.server.server import run_server
            from shardline.components.server.settings import Settings

        settings = Settings(
            folder=folder,
            name=name or default_name,
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
        run_server(settings, lambda server: _announce(settings, server))


def serving_folder(where: Path, output_dir: Path | None) -> tuple[Path, str]:
    """Returns a serving folder, and the name of its model.

    Args:
        where: a run's configuration, or the folder itself.
        output_dir: the run folder, if it is not `runs/<name>`.
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
    log_to_terminal(
        "shardline.components.server", logging.INFO, others_level=logging.ERROR
    )


def _announce(settings: "Settings", server: "Server") -> None:
    host = settings.host
    address = f"[{host}]" if ":" in host else host
    print_line(f"Model {settings.name} of {settings.folder}")
    print_line(f"gRPC at {address}:{server.grpc_port}")
    print_line(f"REST at http://{address}:{server.rest_port}/v1/models/{settings.name}")
    if note := unserved_delta(settings.folder):
        print_line(note)
    if not _is_loopback(host):
        print_line(
            f"Other machines may reach {host}, and there is neither encryption nor a "
            "password: let a firewall or a proxy decide who may connect."
        )


def unserved_delta(folder: Path) -> str:
    """Returns a note if the newest version is a delta, which no server reads.

    Args:
        folder: the serving folder.
    """
    from shardline.components.pusher.stores.stores import open_store

    store = open_store(folder)
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
