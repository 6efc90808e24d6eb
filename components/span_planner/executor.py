"""Writes the plan of a run: which spans it trains on, or why nothing is due."""

import logging
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.spans.state import load_state
from shardline.components.remote.access import check_writable
from shardline.components.span_planner.choice import Settings
from shardline.components.span_planner.discovery import spans_there
from shardline.components.span_planner.planning import make_plan

_log = logging.getLogger("shardline.spans")


class Executor(BaseExecutor):
    """Executor of SpanPlanner."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `plan.json`; its property `due` is 0 if there is nothing to train on.

        Args:
            input_dict: unused.
            output_dict: `plan`.
            exec_properties: as in SpanPlannerSpec.

        Raises:
            AccessError: if outputs, or models, could not be written.
            StateError: if the state is damaged or of another run.
            SpanError: if spans overlap, are missing or have changed.
        """
        artifact = artifact_utils.get_single_instance(output_dict["plan"])
        serving_dir = exec_properties["serving_dir"]
        check_writable([artifact.uri, serving_dir])
        state = load_state(serving_dir, exec_properties["name"])
        found = spans_there(
            exec_properties["reader"],
            exec_properties["options"],
            exec_properties["path"],
        )
        settings = Settings.model_validate_json(exec_properties["settings"])
        plan = make_plan(state, found, settings)
        plan.save(artifact.uri)
        properties: dict[str, int | str] = {
            "due": int(plan.is_due),
            "spans": plan.spans,
        }
        if plan.is_due:
            properties |= {"reason": plan.reason, "judged_on": str(plan.evaluate)}
            _log.info(
                "%s: %s, judged on %s", plan.reason, plan.spans, str(plan.evaluate)
            )
        else:
            properties["waits_for"] = plan.waits_for
            _log.warning("nothing is due; waiting for %s", plan.waits_for)
        record_properties(artifact, properties)
