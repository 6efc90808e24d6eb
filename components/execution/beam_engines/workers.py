"""Whether the processes of a cluster can run this project, as it is here."""

import importlib
import importlib.metadata
import platform
from typing import Any

from dask.distributed import Client

from shardline.components.execution.beam_engines.errors import BeamEngineError

_BUNDLES = "shardline.components.execution.beam_engines.dask_bundles"
_DIGEST = "shardline.components.execution.beam_engines.job_code"
_LIBRARIES = (
    "apache-beam",
    "dask",
    "distributed",
    "pyarrow",
    "shardline",
    "tensorflow",
)


def check_workers(client: Client, folder: str | None = None) -> None:
    """Checks that the scheduler and all workers have the project, as it is here.

    Args:
        client: of the cluster.
        folder: that workers must see; None if there is none.

    Raises:
        BeamEngineError: if one has or sees not, with its address.
    """

    # Inside, so that it is sent as it stands: its module may be missing there.
    def versions(
        bundles: str, digest: str, libraries: tuple[str, ...]
    ) -> dict[str, str]:
        importlib.import_module(bundles)
        found = {name: importlib.metadata.version(name) for name in libraries}
        found["code of this project"] = importlib.import_module(digest).job_code()
        return {"Python": platform.python_version(), **found}

    here = versions(_BUNDLES, _DIGEST, _LIBRARIES)
    arguments = (versions, _BUNDLES, _DIGEST, _LIBRARIES)
    try:
        there = {client.scheduler.address: client.run_on_scheduler(*arguments)}
    except Exception as error:
        there = {client.scheduler.address: error}
    there |= client.run(*arguments, on_error="return")
    for address, found in there.items():
        if isinstance(found, BaseException):
            raise _unfit(address, found)
        if differing := [name for name in here if found[name] != here[name]]:
            name = differing[0]
            raise BeamEngineError(
                f"{address} has {name} {found[name]}, and here it is {here[name]}. "
                "Let the scheduler and all workers run in the environment of this "
                "process, or in a copy."
            )
    if folder is not None:
        _check_folder(client, folder)


def _unfit(address: str, error: BaseException) -> BeamEngineError:
    return BeamEngineError(
        f"{address} cannot import this project: {type(error).__name__}: {error}. "
        "Install it there, with the extra `dask`, for the scheduler and all workers."
    )


def _check_folder(client: Client, folder: str) -> None:
    def sees(folder: str) -> bool:
        import tensorflow as tf

        return bool(tf.io.gfile.exists(folder))

    seen: dict[str, Any] = client.run(sees, folder, on_error="return")
    for address, found in seen.items():
        if found is not True:
            raise BeamEngineError(
                f"{address} does not see {folder}{_why(found)}. Name an output that "
                "this process and all workers reach by the same path: on a shared "
                "disk, or in an object store."
            )


def _why(found: Any) -> str:
    return f": {found}" if isinstance(found, Exception) else ""
