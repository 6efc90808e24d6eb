"""Judges an exported model, and records the verdict."""

import logging
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from shardline.components.contracts.artifacts import hand_on_spans, record_properties
from shardline.components.contracts.validation import Validation
from shardline.components.execution.local_copy import local_input
from shardline.components.validator.validate import validate
from shardline.configs.schema import Serving

_log = logging.getLogger("shardline.serving_validator")


class Executor(BaseExecutor):
    """Executor of ServingValidator."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Judges. A model that does not pass is no error: the verdict is recorded.

        Args:
            input_dict: `model`.
            output_dict: `validation`.
            exec_properties: as in ServingValidatorSpec.
        """
        serving = Serving.model_validate_json(exec_properties["serving"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        artifact = artifact_utils.get_single_instance(output_dict["validation"])
        _log.info("asking the model in a fresh process what the trainer asked")
        with local_input(path_utils.serving_model_path(model.uri)) as folder:
            validation = validate(folder, serving)
        validation.save(artifact.uri)
        record_properties(artifact, _properties(validation))
        hand_on_spans(model, artifact)
        for line in report(validation):
            _log.info("%s", line)


def report(validation: Validation) -> list[str]:
    """Returns the verdict in lines: the gates, and the times of requests."""
    # A log takes lines.
    lines = [
        f"{gate.gate} {'passes' if gate.passes else 'FAILS'}: "
        f"{' '.join(gate.why.split())}"
        for gate in validation.gates
    ]
    for size, latency in validation.latency_ms.items():
        lines.append(
            f"requests of {size} {'example' if size == 1 else 'examples'}: "
            f"p50 {latency.p50:.2f}, p90 {latency.p90:.2f}, p99 {latency.p99:.2f} ms"
        )
    return lines


def _properties(validation: Validation) -> dict[str, int | str]:
    """Returns what makes lineage readable without opening the artifact."""
    verdicts = {
        gate.gate: f"{'passes' if gate.passes else 'closed'}: {gate.why}"
        for gate in validation.gates
    }
    return {"blessed": int(validation.blessed), **verdicts}
