"""Compares an exported model with others, and records the verdict."""

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from shardline.components.comparison.data_gates import data_gates
from shardline.components.comparison.judged_models import (
    JudgedModel,
    exported_model,
    model_in_service,
    never_updated_model,
)
from shardline.components.comparison.judged_split import (
    JudgedSplit,
    read_judged_split,
)
from shardline.components.comparison.regression_gates import (
    in_service_gate,
    regression_gates,
)
from shardline.components.comparison.results import (
    RARE,
    slice_results,
    unknown_shares,
)
from shardline.components.comparison.scoring import NotScoredError, scores_of
from shardline.components.comparison.shown import as_text, lines
from shardline.components.comparison.vocabularies import model_tokens, rare_tokens
from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.data_card import recorded_count
from shardline.components.contracts.spans.comparison import (
    BASELINE,
    CANDIDATE,
    IN_SERVICE,
    Comparison,
)
from shardline.components.contracts.spans.files import load_span_files
from shardline.components.contracts.spans.plan import SpanPlan, load_plan
from shardline.components.contracts.text_file import write_text
from shardline.components.contracts.validation import Gate
from shardline.components.execution.local_copy import local_input
from shardline.components.trainer.inputs import check_count, split_files
from shardline.configs.schema import Evaluation, FeatureSet, Regression, Target

_log = logging.getLogger("shardline.comparison")
_SPLIT = "eval"
_TEXT_FILE = "comparison.txt"


class Executor(BaseExecutor):
    """Executor of ModelComparator."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Compares. A model that does not pass is no error: the verdict is recorded.

        Args:
            input_dict: `examples`, `model`; `plan` and `vocabularies` of a run in
                spans.
            output_dict: `comparison`.
            exec_properties: as in ModelComparatorSpec.

        Raises:
            NotScoredError: if the candidate cannot score the examples.
            ValueError: if the examples are not as many as were written, or lack a
                column to group or slice by.
        """
        evaluation = Evaluation.model_validate_json(exec_properties["evaluation"])
        examples = input_dict["examples"]
        files = split_files(examples, _SPLIT)
        plan = SpanPlan()
        if input_dict.get("plan"):
            plan = load_plan(artifact_utils.get_single_uri(input_dict["plan"]))
        judged_on = f"span {plan.evaluate}" if plan.evaluate else f"split `{_SPLIT}`"
        with contextlib.ExitStack() as stack:
            models = _models(stack, input_dict, exec_properties["serving_dir"], plan)
            token_sets = {
                name: model_tokens(model.folder) if model.folder else {}
                for name, model in models.items()
            }
            if input_dict.get("vocabularies"):
                uri = artifact_utils.get_single_uri(input_dict["vocabularies"])
                token_sets[RARE] = rare_tokens(stack.enter_context(local_input(uri)))
            split = read_judged_split(
                files,
                FeatureSet.model_validate_json(exec_properties["feature_set"]),
                Target.model_validate_json(exec_properties["target"]),
                evaluation,
                token_sets,
            )
            counted = len(split.examples.labels)
            check_count(_SPLIT, counted, recorded_count(examples, _SPLIT))
            scores, why_not = _scores(models, split)
        named = f"examples of {judged_on}"
        results = slice_results(split, scores, evaluation.bootstrap, named)
        gates = _data_gates(plan, input_dict)
        served = models.get(IN_SERVICE)
        version = served.about.version if served else ""
        gates.append(in_service_gate(version, why_not))
        if IN_SERVICE in scores:
            gates += regression_gates(
                results[0],
                evaluation.regression or Regression(),
                version,
                has_intervals=evaluation.bootstrap > 0,
            )
        comparison = Comparison(
            judged_on=judged_on,
            models={name: models[name].about for name in scores},
            slices=tuple(results),
            out_of_vocabulary=unknown_shares(split),
            gates=tuple(gates),
        )
        artifact = artifact_utils.get_single_instance(output_dict["comparison"])
        write_text(artifact.uri, _TEXT_FILE, as_text(comparison))
        comparison.save(artifact.uri)
        for line in lines(comparison):
            _log.info("%s", " ".join(line.split()))
        record_properties(artifact, _properties(comparison, plan))


def _models(
    stack: contextlib.ExitStack,
    input_dict: dict[str, list[Any]],
    serving_dir: str,
    plan: SpanPlan,
) -> dict[str, JudgedModel]:
    """Returns the models that there are, by name, the candidate first."""
    uri = artifact_utils.get_single_uri(input_dict["model"])
    learnt = tuple(map(str, plan.train))
    if plan.base and plan.warm_start:
        learnt = (*plan.base.spans, *plan.new)
    entered = {
        CANDIDATE: exported_model(uri, ", ".join(learnt)),
        IN_SERVICE: model_in_service(serving_dir, uri, plan.evaluate),
        BASELINE: never_updated_model(plan.baseline),
    }
    models = {name: stack.enter_context(model) for name, model in entered.items()}
    return {name: model for name, model in models.items() if model is not None}


def _scores(
    models: Mapping[str, JudgedModel], split: JudgedSplit
) -> tuple[dict[str, np.ndarray], str]:
    """Returns each model's scores; why the one in service has none, or "".

    Raises:
        NotScoredError: if the candidate cannot score the examples.
    """
    scores, why_not = {}, ""
    for name, model in models.items():
        try:
            if model.why_not:
                raise NotScoredError(model.why_not)
            scores[name] = scores_of(model.folder, split.files)
        except NotScoredError as error:
            if name == CANDIDATE:
                raise
            if name == IN_SERVICE:
                why_not = str(error)
            _log.warning("the model %s is left out: %s", name, error)
    return scores, why_not


def _data_gates(plan: SpanPlan, input_dict: dict[str, list[Any]]) -> list[Gate]:
    """Judges the spans that no run has trained on; without spans there is no gate."""
    held = load_span_files(input_dict["examples"][0].uri)
    if held is None:
        return []
    new = [part for part in held.parts if part.planned in plan.newly_trained]
    judged = [part for part in held.parts if part.planned == plan.evaluate]
    return data_gates(plan, {p.planned.span: p.profile for p in [*new, *judged]})


def _properties(comparison: Comparison, plan: SpanPlan) -> dict[str, int | float | str]:
    """Returns what makes lineage readable without opening the artifact."""
    metrics = comparison.slices[0].metrics[CANDIDATE]
    closed = ",".join(gate.gate for gate in comparison.closed)
    told: dict[str, int | float | str] = {
        "passes": int(not closed),
        "closed": closed,
        "judged_on": comparison.judged_on,
        **{name: m.value for name, m in metrics.items() if m.value is not None},
    }
    if plan.train:
        told["spans"] = plan.spans
    if service := comparison.models.get(IN_SERVICE):
        told["in_service"] = service.version
    return told
