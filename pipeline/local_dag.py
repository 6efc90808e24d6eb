"""Runs the nodes of a compiled pipeline one after another, and tells of each.

As TFX's `LocalDagRunner`, from the same parts, with two differences: it says what it is
at, and it stops at the first component that did not come to its end, where TFX goes on
and returns normally.
"""

import datetime
from collections.abc import Callable

from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils, tfx_runner
from tfx.proto.orchestration import pipeline_pb2

from pipeline.outcome import RunRecord


class LocalDag(tfx_runner.IrBasedRunner):
    """Runs a pipeline on this machine."""

    def __init__(
        self,
        metadata_path: str,
        on_start: Callable[[str], None],
        on_end: Callable[[str, str], None],
    ):
        """Sets whom to tell.

        Args:
            metadata_path: SQLite file of ML Metadata.
            on_start: called with a component's id before it runs.
            on_end: called with its id and its state in the end.
        """
        self._metadata_path = metadata_path
        self._on_start = on_start
        self._on_end = on_end

    def run_with_ir(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_options: pipeline_pb2.RunOptions | None = None,
    ) -> None:
        """Runs a compiled pipeline; called by `run`.

        Args:
            pipeline: the compiled pipeline.
            run_options: partial runs are not offered.

        Raises:
            RunError: naming a component that did not come to its end.
        """
        run_id = datetime.datetime.now().isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        self.record = RunRecord(self._metadata_path, pipeline.pipeline_info.id, run_id)
        for node in pipeline.nodes:
            component = node.pipeline_node.node_info.id
            self._on_start(component)
            self._launch(pipeline, node.pipeline_node)
            self._on_end(component, self.record.state(component))
            self.record.check(component)

    def _launch(
        self, pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode
    ) -> None:
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        launcher.Launcher(
            pipeline_node=node,
            mlmd_connection=metadata.Metadata(
                metadata.sqlite_metadata_connection_config(self._metadata_path)
            ),
            pipeline_info=pipeline.pipeline_info,
            pipeline_runtime_spec=pipeline.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(
                deployment, node.node_info.id
            ),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(
                deployment, node.node_info.id
            ),
        ).launch()
