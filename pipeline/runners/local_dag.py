"""Runs the components of a compiled pipeline one after another, and reports each.

It is built of the parts of TFX's `LocalDagRunner`, and differs from it: it reports
which component runs; it stops at the first one that did not come to its end, where TFX
goes on and returns normally; it reuses no damaged outputs; it removes the outputs of a
component that is interrupted, and what a killed run has left; Beam runs in this
process and worker processes of it, without the network; and components may run in
processes of their own.
"""

import datetime
import functools
import itertools
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

import apache_beam as beam
from tfx.dsl.compiler import constants
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import (
    beam_executor_operator,
    data_types,
    launcher,
    python_executor_operator,
    runtime_parameter_utils,
    tfx_runner,
)
from tfx.proto.orchestration import (
    executable_spec_pb2,
    execution_result_pb2,
    local_deployment_config_pb2,
    pipeline_pb2,
)

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.execution.worker_processes.number import worker_options
from shardline.components.execution.worker_processes.runner import saying_none
from shardline.configs.beam import WorkerProcesses
from shardline.pipeline.metadata.earlier_runs import EarlierRun
from shardline.pipeline.metadata.records import RunRecord
from shardline.pipeline.metadata.store import connection_of, tfx_metadata
from shardline.pipeline.part_runs import begin_part, is_skipped
from shardline.pipeline.remains import remove_outputs, remove_remains
from shardline.pipeline.reuse import (
    NEVER_REUSED_HERE,
    damage,
    outputs_to_reuse,
    record_outputs,
)
from shardline.pipeline.runners.component_process import run_in_own_process
from shardline.pipeline.workers import workers_of

_log = logging.getLogger("shardline.reuse")
_NO_WORKER_PROCESSES = (
    "The log says what it printed. A step works without any by `worker_processes: "
    "{default: 1}`."
)


class LocalDag(tfx_runner.IrBasedRunner):
    """Runs a pipeline on this machine."""

    def __init__(
        self,
        on_start: Callable[[str], None],
        on_end: Callable[[str, str], None],
        workers: WorkerProcesses | None = None,
        apart: Collection[str] = (),
    ):
        """Sets what is called.

        Args:
            on_start: called with a component's id before it runs.
            on_end: called with a component's id and its state after it ran.
            workers: how many worker processes components get, by id; others get as
                many as are worth it.
            apart: the ids of components that run in processes of their own.
        """
        self._on_start = on_start
        self._on_end = on_end
        self._operators: dict[Any, Any] = {
            executable_spec_pb2.BeamExecutableSpec: functools.partial(
                _InMemoryBeam, workers=workers or {}
            ),
            executable_spec_pb2.PythonClassExecutableSpec: functools.partial(
                _Python, apart=frozenset(apart)
            ),
        }

    def run_with_ir(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_options: pipeline_pb2.RunOptions | None = None,
        earlier: EarlierRun | None = None,
    ) -> RunRecord:
        """Runs a compiled pipeline; called by `run`.

        The caller holds the run folder: what is recorded as running there is dead.

        Args:
            pipeline: the compiled pipeline.
            run_options: which part of the pipeline to run; None: all of it.
            earlier: the run whose outputs a part builds on.

        Returns:
            The record of the run, in which a part has the outputs before it, too.

        Raises:
            RunError: naming a component that did not come to its end, or one whose
                outputs cannot be built on.
        """
        run_id = datetime.datetime.now().isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        record = RunRecord(connection_of(deployment), pipeline.pipeline_info.id, run_id)
        remove_remains(pipeline, connection_of(deployment))
        if run_options:
            begin_part(pipeline, run_options, connection_of(deployment), earlier)
        for node in pipeline.nodes:
            if not is_skipped(node.pipeline_node):
                self._run_node(pipeline, node.pipeline_node, deployment, record)
        return record

    def _run_node(
        self,
        pipeline: pipeline_pb2.Pipeline,
        node: pipeline_pb2.PipelineNode,
        deployment: local_deployment_config_pb2.LocalDeploymentConfig,
        record: RunRecord,
    ) -> None:
        component = node.node_info.id
        self._on_start(component)
        caching = node.execution_options.caching_options
        if component in NEVER_REUSED_HERE:
            caching.enable_cache = False
        elif found := damage(
            outputs_to_reuse(
                pipeline,
                node,
                runner_utils.extract_executor_spec(deployment, component),
                connection_of(deployment),
            )
        ):
            _log.warning("made again, for %s", found)
            caching.enable_cache = False
        try:
            _launch(pipeline, node, deployment, self._operators)
        except Exception:
            raise  # TFX has recorded the failure and removed the outputs
        except BaseException:
            _close(pipeline, node, record)
            raise
        self._on_end(component, record.state(component))
        record.check(component)


class _Python(python_executor_operator.PythonExecutorOperator):
    """Runs components, and records the files of their outputs."""

    def __init__(self, *of_launcher: Any, apart: Collection[str], **named: Any):
        super().__init__(*of_launcher, **named)
        self._apart = apart

    def run_executor(
        self, execution_info: data_types.ExecutionInfo
    ) -> execution_result_pb2.ExecutorOutput:
        if execution_info.pipeline_node.node_info.id in self._apart:
            output = run_in_own_process(self._executor_spec, execution_info)
        else:
            output = super().run_executor(execution_info)
        _record(execution_info)
        return output


class _InMemoryBeam(beam_executor_operator.BeamExecutorOperator):
    """Runs components of Beam on this machine, and records the files of outputs.

    How many worker processes there are is told past what a component is, which the
    cache goes by: its outputs do not depend on it.
    """

    def __init__(self, *of_launcher: Any, workers: WorkerProcesses, **named: Any):
        super().__init__(*of_launcher, **named)
        self._workers = workers

    def run_executor(
        self, execution_info: data_types.ExecutionInfo, *_: Any
    ) -> execution_result_pb2.ExecutorOutput:
        with saying_none(_NO_WORKER_PROCESSES):
            output = super().run_executor(
                execution_info, functools.partial(self._pipeline, execution_info)
            )
        _record(execution_info)
        return output

    def _pipeline(self, execution: data_types.ExecutionInfo) -> beam.Pipeline:
        options = self.beam_pipeline_args  # known by now
        workers = workers_of(execution, self._workers, options)
        return in_memory_pipeline([*worker_options(workers), *options])


def _record(execution: data_types.ExecutionInfo) -> None:
    """Records the files of outputs before ML Metadata says that they are done.

    A run that is killed between the two makes them again; in the other order each later
    run would take them for damaged.
    """
    if execution.pipeline_node.node_info.id not in NEVER_REUSED_HERE:
        outputs = itertools.chain.from_iterable(execution.output_dict.values())
        record_outputs(artifact.uri for artifact in outputs)


def _launch(
    pipeline: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    deployment: local_deployment_config_pb2.LocalDeploymentConfig,
    operators: Mapping[Any, Any],
) -> None:
    component = node.node_info.id
    launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=tfx_metadata(connection_of(deployment)),
        pipeline_info=pipeline.pipeline_info,
        pipeline_runtime_spec=pipeline.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, component),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(
            deployment, component
        ),
        custom_executor_operators=dict(operators),
    ).launch()


def _close(
    pipeline: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    record: RunRecord,
) -> None:
    """Records that a component was interrupted, and removes its outputs."""
    number = record.cancel(node.node_info.id)
    if number is not None:
        remove_outputs(pipeline, node, number)
