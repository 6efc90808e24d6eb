"""`shardline worker`: lends this machine to a cluster, as a host of its tables."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardline.configs import ConfigError, load_run
from shardline.configs.fault import Part
from shardline.configs.load import with_lines
from shardline.pipeline.commands.console import failing_on
from shardline.pipeline.commands.options import refused_if_remote
from shardline.pipeline.terminal.escaping import log_to_terminal
from shardline.pipeline.terminal.native_output import stderr_held_back

if TYPE_CHECKING:
    from shardline.embedding.cluster import Cluster

# How a supervisor starts each of its workers, which has a TF_CONFIG of its own.
_ONE_WORKER = (
    *(sys.executable, "-P", "-c"),
    "from shardline.pipeline.commands.entry import main; main()",
    "worker",
)


def worker(
    config: Annotated[
        Path | None,
        typer.Argument(
            callback=refused_if_remote,
            metavar="[CONFIG]",
            show_default=False,
            help="The configuration of the run: a YAML file. Its training.cluster "
            "names the workers; without it the environment variable TF_CONFIG does.",
        ),
    ] = None,
    index: Annotated[
        list[int] | None,
        typer.Option(
            "--index",
            min=0,
            metavar="N",
            help="Which of the workers this is, in the order in which they are named, "
            "from 0. May be given several times with --supervise.",
        ),
    ] = None,
    is_supervisor: Annotated[
        bool,
        typer.Option(
            "--supervise",
            help="Start a process for each worker whose address is of this machine, "
            "and start it again when it ends.",
        ),
    ] = False,
) -> None:
    """Hold rows of the tables for a training on a cluster.

    The Trainer of `shardline run`, the chief, looks rows up here and updates
    them here. They are gone when the worker ends; the chief restores them from
    its newest checkpoint set when the worker is back. Ends at SIGTERM or Ctrl-C.
    TensorFlow's servers run what they are sent: keep their ports inside a
    network of your own.
    """
    indices = sorted(set(index or []))
    with failing_on(ConfigError, OSError, RuntimeError, ValueError):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        log_to_terminal("shardline", logging.INFO, others_level=logging.WARNING)
        with stderr_held_back():  # of TensorFlow, which is imported
            cluster = _cluster(config, indices, is_supervisor)
        if is_supervisor:
            _supervise(cluster, indices)
        else:
            _serve(cluster)


def _cluster(config: Path | None, indices: list[int], is_supervisor: bool) -> "Cluster":
    """Returns the cluster, seen from the worker that this process is.

    Raises:
        ConfigError: if the configuration names no cluster.
        ValueError: if it is not said which worker this is, or there is no such worker.
    """
    from shardline.embedding.cluster import Cluster
    from shardline.embedding.cluster.supervisor import check_known

    tasks = None
    if config is not None:
        tasks = load_run(config).training.cluster
        if tasks is None:
            fault = Part("training", ("training",)).fault(
                "it names no cluster that this could be a worker of",
                "give `cluster`, with the addresses of `chief` and `workers`",
            )
            raise ConfigError(*with_lines(config, [fault]))
    if tasks is None or tasks.chief is None:
        cluster = Cluster.from_tf_config()
        if cluster.task_type != "worker" and not is_supervisor:
            raise ValueError(
                f"TF_CONFIG says that this process is the {cluster.task_type}, which "
                "is `shardline run`. For a worker set "
                '"task": {"type": "worker", "index": N} there.'
            )
        if indices and not is_supervisor:
            raise ValueError(
                "TF_CONFIG says which worker this is. Leave --index out, or name the "
                "workers in `training.cluster` of a configuration."
            )
    else:
        if len(indices) != 1 and not is_supervisor:
            raise ValueError(
                f"{config} names {len(tasks.workers)} workers. Say by --index which "
                "one this is."
            )
        first = indices[0] if indices else 0
        cluster = Cluster(tasks.chief, tasks.workers, "worker", first)
    check_known(cluster, indices)
    return cluster


def _serve(cluster: "Cluster") -> None:
    """Serves one chief after the other until SIGTERM or SIGINT."""
    from shardline.embedding.cluster.chief_watch import begin_anew

    if cluster.serve_host():
        begin_anew()


def _supervise(cluster: "Cluster", indices: list[int]) -> None:
    """Keeps workers of this machine running until SIGTERM or SIGINT."""
    from shardline.embedding.cluster.stop_signals import stops_noted
    from shardline.embedding.cluster.supervisor import hosts_here, supervise

    here = hosts_here(cluster, indices)
    with stops_noted() as is_over:
        supervise(cluster, here, is_over, command=_ONE_WORKER)
