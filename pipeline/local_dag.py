"""Runs the nodes of a compiled pipeline one after another, and tells of each.

As TFX's `LocalDagRunner`, from the same parts, with two differences: it says what it is
at, and it stops at the first component that did not come to its end, where TFX goes on
and returns normally.
"""

import datetime
from collections.abc import Callable

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils, tfx_runner
from tfx.proto.orchestration import local_deployment_config_pb2, pipeline_pb2

from pipeline.outcome import RunRecord

# Publishing looks at what is published; what it did before says nothing of that.
_NEVER_REUSED = "Pusher"


class LocalDag(tfx_runner.IrBasedRunner):
    """Runs a pipeline on this machine."""

    def __init__(
        self, on_start: Callable[[str], None], on_end: Callable[[str, str], None]
    ):
        """Sets whom to tell.

        Args:
            on_start: called with a component's id before it runs.
            on_end: called with its id and its state in the end.
        """
        self._on_start = on_start
        self._on_end = on_end

    def run_with_ir(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_options: pipeline_pb2.RunOptions | None = None,
    ) -> RunRecord:
        """Runs a compiled pipeline; called by `run`.

        Args:
            pipeline: the compiled pipeline.
            run_options: partial runs are not offered.

        Returns:
            The record of the run.

        Raises:
            RunError: naming a component that did not come to its end.
        """
        run_id = datetime.datetime.now().isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        record = RunRecord(_connection(deployment), pipeline.pipeline_info.id, run_id)
        for node in pipeline.nodes:
            component = node.pipeline_node.node_info.id
            if component == _NEVER_REUSED:
                node.pipeline_node.execution_options.caching_options.enable_cache = (
                    False
                )
            self._on_start(component)
            _launch(pipeline, node.pipeline_node, deployment)
            self._on_end(component, record.state(component))
            record.check(component)
        return record


def _launch(
    pipeline: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    deployment: local_deployment_config_pb2.LocalDeploymentConfig,
) -> None:
    component = node.node_info.id
    launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(_connection(deployment)),
        pipeline_info=pipeline.pipeline_info,
        pipeline_runtime_spec=pipeline.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, component),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(
            deployment, component
        ),
    ).launch()


def _connection(
    deployment: local_deployment_config_pb2.LocalDeploymentConfig,
) -> metadata_store_pb2.ConnectionConfig:
    config = deployment.metadata_connection_config
    return getattr(config, config.WhichOneof("connection_config"))
