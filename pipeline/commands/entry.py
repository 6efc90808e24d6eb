"""The program `shardline`: runs the commands, or says which extra to install.

An installation of the engine alone has this program too, but not the packages that its
commands need. It imports nothing but the standard library before it knows that they are
there.
"""

import sys
from collections.abc import Sequence

# By extra, the modules that its packages install and that commands import.
MODULES_OF_EXTRAS: dict[str, tuple[str, ...]] = {
    "dask": ("dask", "distributed"),
    "plots": ("matplotlib",),
    "serve": ("aiohttp", "grpc_health", "prometheus_client"),
    "pipeline": (
        "apache_beam",
        "cronsim",
        "google",
        "google_crc32c",
        "grpc",
        "keras",
        "kfp",
        "kfp_server_api",
        "ml_metadata",
        "packaging",
        "pip",
        "pyarrow",
        "pydantic",
        "requests",
        "rich",
        "tensorboard",
        "tensorflow_data_validation",
        "tensorflow_model_analysis",
        "tensorflow_serving",
        "tensorflow_transform",
        "tfx",
        "tfx_bsl",
        "typer",
        "urllib3",
        "yaml",
    ),
}


def main() -> None:
    """Runs the command that the arguments of the process name.

    Raises:
        ModuleNotFoundError: if a module is missing that belongs to no extra.
        SystemExit: when the command has ended; with a message if its packages are not
            installed.
    """
    try:
        from shardline.pipeline.commands.app import app

        app()
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        extra = _extra_of(module, sys.argv[1:])
        if extra is None:
            raise
        raise SystemExit(
            f"shardline: the module {module} is not installed. This command needs the "
            f"extra `{extra}`: pip install 'shardline[{extra}]'"
        ) from None


def _extra_of(module: str, arguments: Sequence[str]) -> str | None:
    """Returns the extra that a command needs for a module; None if none has it."""
    for extra, modules in MODULES_OF_EXTRAS.items():
        if module in modules:
            needs_server_only = extra == "pipeline" and arguments[:1] == ["serve"]
            return "serve" if needs_server_only else extra
    return None
