"""The components from training to publishing."""

from typing import Any

from tfx.components import Evaluator

from shardline.components.comparison.component import ModelComparator
from shardline.components.exporter.component import Exporter
from shardline.components.pusher.component import Pusher
from shardline.components.span_recorder.component import SpanRecorder
from shardline.components.trainer.component import Trainer
from shardline.components.validator.component import ServingValidator
from shardline.configs.schema import Regression, Run
from shardline.pipeline.data_steps import DataSteps
from shardline.pipeline.evaluation import evaluation_config

_EVALUATED_SPLIT = "eval"


def model_steps(
    run: Run,
    data: DataSteps,
    plan: Any | None,
    *,
    serving_dir: str,
    force: str,
    conduct_as_parameter: bool,
) -> list[Any]:
    """Returns the components from training to publishing, in their order.

    Args:
        run: the configuration.
        data: the steps before.
        plan: which spans to train on; None where data comes whole.
        serving_dir: the folder that models are published to.
        force: the reason to publish whatever the gates say; "" for none.
        conduct_as_parameter: whether the Trainer is told by a parameter how a training
            is carried out.
    """
    transform_graph = data.transform["transform_graph"]
    vocabularies = data.transform["vocabularies"] if plan else None
    trainer = Trainer(
        examples=data.examples,
        transformed_examples=data.transform["transformed_examples"],
        transform_graph=transform_graph,
        feature_set=run.feature_set,
        target=run.data.target,
        model=run.model,
        training=run.training,
        parity_examples=run.serving.parity_examples,
        conduct_as_parameter=conduct_as_parameter,
        plan=plan,
        vocabularies=vocabularies,
    )
    exporter = Exporter(
        checkpoint=trainer.outputs["checkpoint"],
        transform_graph=transform_graph,
        examples=data.examples,
        model_name=run.name,
        serving=run.serving,
    )
    model = exporter.outputs["model"]
    validator = ServingValidator(model=model, serving=run.serving)
    evaluator = Evaluator(
        examples=data.examples,
        model=model,
        example_splits=[_EVALUATED_SPLIT],
        eval_config=evaluation_config(run),
    )
    steps = [trainer, exporter, validator, evaluator]
    comparison = None
    if plan or run.evaluation.regression:
        comparator = ModelComparator(
            examples=data.examples,
            model=model,
            serving_dir=serving_dir,
            evaluation=run.evaluation.model_copy(
                update={"regression": run.evaluation.regression or Regression()}
            ),
            target=run.data.target,
            feature_set=run.feature_set,
            plan=plan,
            vocabularies=vocabularies,
        )
        comparison = comparator.outputs["comparison"]
        steps.append(comparator)
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        validation=validator.outputs["validation"],
        comparison=comparison,
        serving_dir=serving_dir,
        publishing=run.publishing,
        force=force,
    )
    steps.append(pusher)
    if plan:
        recorder = SpanRecorder(
            name=run.name,
            plan=plan,
            examples=data.examples,
            transform_graph=transform_graph,
            vocabularies=vocabularies,
            checkpoint=trainer.outputs["checkpoint"],
            model=model,
            comparison=comparison,
            pushed_model=pusher.outputs["pushed_model"],
            serving_dir=serving_dir,
        )
        steps.append(recorder)
    return steps
