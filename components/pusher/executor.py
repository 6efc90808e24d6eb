"""Publishes the model if every gate lets it, or a reason overrides them."""

import json
import logging
import os
from typing import Any

from tfx.components.util import model_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact, artifact_utils
from tfx.utils import io_utils, path_utils

from shardline.components.contracts.artifacts import hand_on_spans, record_properties
from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    Comparison,
    load_comparison,
)
from shardline.components.contracts.validation import Gate, load_validation
from shardline.components.execution.local_copy import local_input
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import Published, publish_model
from shardline.configs.schema import Publishing

_log = logging.getLogger("shardline.pusher")


class Executor(BaseExecutor):
    """Executor of Pusher."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Publishes, or says why not.

        Args:
            input_dict: `model`, `model_blessing`, `validation`; `comparison`, if the
                model was compared.
            output_dict: `pushed_model`.
            exec_properties: as in PusherSpec.
        """
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        comparison = _comparison(input_dict)
        hand_on_spans(model, pushed)
        gates = [*_gates(input_dict), *(comparison.gates if comparison else ())]
        closed = [gate for gate in gates if not gate.passes]
        names = ",".join(gate.gate for gate in closed)
        reason = exec_properties["force"].strip()
        for gate in closed:
            _log.warning("gate %s is closed: %s", gate.gate, " ".join(gate.why.split()))
        if closed and not reason:
            _log.warning("not published")
            record_properties(pushed, {"pushed": 0, "blocked_by": names})
            return
        record = Record(
            origin={"model": model.uri, **_learnt(comparison)},
            forced=reason or None,
            overridden=[gate.gate for gate in closed],
            # As text, for JSON has no infinite numbers.
            gates=[json.loads(gate.model_dump_json()) for gate in gates],
        )
        publishing = Publishing.model_validate_json(exec_properties["publishing"])
        with local_input(path_utils.serving_model_path(model.uri)) as folder:
            published = publish_model(
                folder, exec_properties["serving_dir"], publishing, record
            )
        if reason:
            _log.warning("published by force, overriding %s", names or "no gate")
            record_properties(pushed, {"forced": reason, "overridden": names})
        _set_properties(pushed, published)


def _gates(input_dict: dict[str, list[Any]]) -> list[Gate]:
    """Returns the verdicts on the model."""
    blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
    is_blessed = bool(model_utils.is_model_blessed(blessing))
    why = "the evaluator blessed the model"
    if not is_blessed:
        why = "the evaluator did not bless the model (evaluation.min_auc)"
    validation = artifact_utils.get_single_uri(input_dict["validation"])
    return [
        Gate(gate="evaluation", passes=is_blessed, why=why),
        *load_validation(validation).gates,
    ]


def _comparison(input_dict: dict[str, list[Any]]) -> Comparison | None:
    """Returns how the model does beside others, if it was compared."""
    if not input_dict.get("comparison"):
        return None
    return load_comparison(artifact_utils.get_single_uri(input_dict["comparison"]))


def _learnt(comparison: Comparison | None) -> dict[str, str]:
    """Returns the spans that the model has learnt, if it is of a run in spans."""
    spans = comparison.models[CANDIDATE].spans if comparison else ""
    return {"spans": spans} if spans else {}


def _set_properties(pushed: Artifact, published: Published) -> None:
    """Records what was published, as TFX's own Pusher does, and how."""
    _log.info(
        "version %d is the one to serve: %s, %d bytes written",
        published.version,
        published.kind,
        published.bytes,
    )
    properties: dict[str, int | str] = {
        "pushed": 1,
        "pushed_destination": published.destination,
        "pushed_version": str(published.version),
        "kind": published.kind,
    }
    record_properties(pushed, properties)
    # The model itself lies at the destination and in the exporter's artifact.
    io_utils.write_string_file(
        os.path.join(pushed.uri, "destination.txt"), published.destination
    )
