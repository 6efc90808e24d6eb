"""Serves hosts of the cluster in TF_CONFIG: `python -m shardline.embedding.cluster`.

Serves this task, as a host. With `--supervise` it keeps a process for every host of
this machine running, whatever the task of TF_CONFIG is.
"""

import argparse
import logging
import sys

from shardline.embedding.cluster import Cluster
from shardline.embedding.cluster.chief_watch import begin_anew
from shardline.embedding.cluster.stop_signals import stops_noted
from shardline.embedding.cluster.supervisor import hosts_here, supervise


def main(arguments: list[str] | None = None) -> None:
    """Does what the command line asks for, until SIGTERM or SIGINT.

    A worker begins anew when its chief is gone.

    Args:
        arguments: of the command line; default, this process's.
    """
    parser = argparse.ArgumentParser(
        prog="python -m shardline.embedding.cluster",
        description="Serves this task of TF_CONFIG as a host.",
    )
    parser.add_argument(
        "--supervise",
        action="store_true",
        help="start every host of this machine, and start it again when it ends",
    )
    parser.add_argument(
        "--hosts",
        type=int,
        nargs="+",
        metavar="INDEX",
        help="supervise these; default: those whose address is of this machine",
    )
    chosen = parser.parse_args(arguments)
    if chosen.hosts is not None and not chosen.supervise:
        parser.error("--hosts goes with --supervise; alone, TF_CONFIG says which host.")
    try:
        cluster = Cluster.from_tf_config()
        if chosen.supervise:
            hosts = hosts_here(cluster, chosen.hosts or ())
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
            with stops_noted() as is_over:
                supervise(cluster, hosts, is_over)
        elif cluster.serve_host():
            begin_anew()
    except (RuntimeError, ValueError) as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
