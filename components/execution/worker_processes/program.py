"""What runs in a worker process: Beam's worker, which ends with who has started it.

Worker processes are forked from a server process that has imported what they need and
does nothing else, so that importing takes its five seconds of a core once in a run,
and not once a worker and component.
"""

import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import wait

# TensorFlow Data Validation does not load before TFX, which Beam's own workers import
# after it.
PRELOADED = (
    "tfx",
    "apache_beam.runners.worker.sdk_worker_main",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "shardline.components.evaluation.tfma_grouped",
)


def work(name: str, environment: Mapping[str, str]) -> None:
    """Works until Beam's runner says that it is done, or is gone.

    Args:
        name: of this worker, in the log.
        environment: more variables, by which the runner tells Beam's worker where it
            is.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(
        force=True,  # libraries have set one
        stream=sys.stderr,
        format=f"{name}: %(levelname)s %(name)s: %(message)s",
    )
    os.environ.update(environment)
    import tfx  # noqa: F401  before what is unpickled here

    # isort: split
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)
