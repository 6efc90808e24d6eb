"""Writes the state after a run, as the last thing that the run does."""

import logging
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from shardline.components.contracts.spans.comparison import load_comparison
from shardline.components.contracts.spans.files import SpanFiles, load_span_files
from shardline.components.contracts.spans.plan import load_plan
from shardline.components.contracts.spans.state import load_state
from shardline.components.span_recorder.recording import Made, Outcome, recorded

_log = logging.getLogger("shardline.spans")
_OUTCOME = ("pushed", "pushed_version", "blocked_by", "forced", "overridden")


class Executor(BaseExecutor):
    """Executor of SpanRecorder."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Adds the run to the state; a run that is in it already changes nothing.

        Args:
            input_dict: `plan`, `examples`, `transform_graph`, `vocabularies`,
                `checkpoint`, `model`, `comparison`, `pushed_model`.
            output_dict: unused.
            exec_properties: as in SpanRecorderSpec.

        Raises:
            StateError: if the state is damaged, of another run, or not the one that the
                plan was made from.
        """
        inputs = {
            name: artifact_utils.get_single_instance(artifacts)
            for name, artifacts in input_dict.items()
        }
        pushed = inputs["pushed_model"]
        outcome = Outcome.of(
            {
                name: pushed.get_custom_property(name)
                for name in _OUTCOME
                if pushed.has_custom_property(name)
            }
        )
        made = Made(
            checkpoint=inputs["checkpoint"].uri,
            vocabularies=inputs["vocabularies"].uri,
            transform_graph=inputs["transform_graph"].uri,
            model=inputs["model"].uri,
            steps=inputs["checkpoint"].get_int_custom_property("steps"),
        )
        serving_dir = exec_properties["serving_dir"]
        state = load_state(serving_dir, exec_properties["name"])
        plan = load_plan(inputs["plan"].uri)
        following = recorded(
            state,
            plan,
            made,
            outcome,
            load_comparison(inputs["comparison"].uri),
            load_span_files(inputs["examples"].uri) or SpanFiles(parts=()),
        )
        if following == state:
            _log.info("%s are recorded already", plan.spans)
            return
        following.save(serving_dir)
        run = following.runs[-1]
        _log.info(
            "recorded: %s %s%s",
            plan.spans,
            run.verdict,
            f" as version {run.version}" if run.version else "",
        )
