"""The options of Beam for each component, as a configuration gives them."""

import logging
from collections.abc import Iterable
from typing import Any

from tfx.dsl.components.base import executor_spec

from shardline.components.execution.worker_processes.number import worker_options
from shardline.configs.beam import given_workers, names_runner
from shardline.configs.components import DEFAULT
from shardline.configs.schema import Run

_log = logging.getLogger(__name__)


def give_beam_options(components: Iterable[Any], run: Run, *, is_local: bool) -> None:
    """Gives components that run in Beam their options.

    On this machine Beam runs in memory. There a component whose options name another
    runner, for a platform, gets none of them. How many worker processes it gets, the
    local runner tells it past its options, which the cache goes by.

    Args:
        components: of the pipeline; those that do not run in Beam stay as they are.
        run: the configuration.
        is_local: whether the pipeline runs on this machine.
    """
    for component in components:
        if not isinstance(component.executor_spec, executor_spec.BeamExecutorSpec):
            continue
        options = [*run.beam.get(DEFAULT, []), *run.beam.get(component.id, [])]
        if is_local and names_runner(options):
            _log.info("%s: Beam runs in memory here, without its options", component.id)
            continue
        workers = given_workers(run.worker_processes, component.id)
        if workers and not is_local:
            options = [*worker_options(workers), *options]
        if options:
            component.with_beam_pipeline_args(options)
