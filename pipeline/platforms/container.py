"""What runs in a container of a platform: a step, whose outputs begin empty.

A platform starts the container of a step again that was killed, and tells it what it
told it before, so it finds what the killed one had written of its outputs. In a run of
this machine each try has outputs of its own.
"""

import argparse
import json
import runpy
import sys
from collections.abc import Sequence

import tensorflow as tf

from shardline.components.remote.access import check_writable

MODULE = "shardline.pipeline.platforms.container"
_EXECUTOR = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_ASKED = "--json_serialized_invocation_args"


def main() -> None:
    """Runs the step that the arguments of the process name, as TFX does.

    Raises:
        AccessError: if an output could not be written.
        SystemExit: when it has ended.
    """
    uris = output_uris(sys.argv[1:])
    check_writable(uris)
    remove(uris)
    try:
        runpy.run_module(_EXECUTOR, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code:
            remove(uris)
        raise
    except BaseException:
        remove(uris)
        raise


def output_uris(arguments: Sequence[str]) -> list[str]:
    """Returns where a step writes its outputs.

    Args:
        arguments: those of TFX's module, one of which is the executor input.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument(_ASKED, dest="asked", required=True)
    outputs = json.loads(parser.parse_known_args(arguments)[0].asked)["outputs"]
    return [
        artifact["uri"]
        for output in outputs.get("artifacts", {}).values()
        for artifact in output["artifacts"]
    ]


def remove(uris: Sequence[str]) -> None:
    """Removes folders and all that is in them; those that are not there do not matter.

    Args:
        uris: local, or with a scheme such as gs://.

    Raises:
        tf.errors.OpError: if one cannot be removed.
    """
    for uri in uris:
        if tf.io.gfile.exists(uri):
            tf.io.gfile.rmtree(uri)


if __name__ == "__main__":
    main()
