"""How many worker processes a component of a run on this machine gets."""

import json
import logging
from collections.abc import Sequence

from tfx.orchestration.portable import data_types
from tfx.types import Artifact
from tfx.types.standard_component_specs import EXAMPLE_SPLITS_KEY

from shardline.components.contracts.data_card import recorded_count
from shardline.components.execution.worker_processes.number import number_of_workers
from shardline.components.machine.cores import usable_cores
from shardline.configs.beam import WorkerProcesses, given_workers, says_workers

_log = logging.getLogger("shardline.workers")


def workers_of(
    execution: data_types.ExecutionInfo,
    given: WorkerProcesses,
    options: Sequence[str] = (),
) -> int:
    """Returns how many worker processes an execution gets; 1 for none.

    Args:
        execution: of a component of Beam.
        given: `worker_processes` of the configuration.
        options: of Beam, which may say it.
    """
    if says_workers(options):
        return 1  # besides what they say
    component = execution.pipeline_node.node_info.id
    workers = given_workers(given, component)
    if workers is None:
        examples = _largest_split(
            execution.input_dict.get("examples", []),
            json.loads(execution.exec_properties.get(EXAMPLE_SPLITS_KEY) or "[]"),
        )
        workers = number_of_workers(component, examples, usable_cores())
    if workers > 1:
        _log.info("%d worker processes", workers)
    return workers


def _largest_split(artifacts: list[Artifact], read: Sequence[str]) -> int:
    """Returns the examples of the largest split of `read`, or of all if it is empty."""
    splits = {split for artifact in artifacts for split in artifact.splits}
    splits &= set(read or splits)
    return max((recorded_count(artifacts, split) or 0 for split in splits), default=0)
