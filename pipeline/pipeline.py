"""The TFX pipeline of a run: which components, in which order, from which settings."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

from shardline.components.example_gen.component import ReaderExampleGen
from shardline.components.example_gen.schema_gen import ReaderSchemaGen
from shardline.components.execution.code_version import code_version
from shardline.components.exporter.component import Exporter
from shardline.components.features.component import FeatureTransform
from shardline.components.pusher.component import Pusher
from shardline.components.readers.files import reader_of
from shardline.components.trainer.component import Trainer
from shardline.components.validator.component import ServingValidator
from shardline.configs.schema import Run
from shardline.pipeline.names import pipeline_name

_EVALUATED_SPLIT = "eval"

# What both the trainer and the exporter compute with.
_MODEL_CODE = (
    "shardline.components.contracts.checkpoint_manifest",
    "shardline.components.model.dense_variables",
    "shardline.components.evaluation",
    "shardline.components.features",
    "shardline.components.execution.import_path",
    "shardline.components.execution.local_copy",
    "shardline.components.contracts.parity_examples",
    "shardline.components.contracts.parity_lookups",
    "configs",
    "embedding",
)


def create_pipeline(
    run: Run,
    *,
    pipeline_root: str,
    data_path: str,
    data_version: str,
    serving_dir: str,
    metadata_path: str | None = None,
    cache: bool = True,
    force: str = "",
    beam_options: Sequence[str] = (),
) -> tfx.dsl.Pipeline:
    """Returns the pipeline of a run, for any runner.

    Args:
        run: the configuration.
        pipeline_root: where artifacts go.
        data_path: the raw data, given to the reader.
        data_version: digest of the raw data.
        serving_dir: the folder that model servers watch.
        metadata_path: SQLite file of ML Metadata; None where the platform has its own.
        cache: whether to reuse what an earlier run made from equal inputs.
        force: the reason to publish the model whatever the gates say; "" for none.
        beam_options: of the components that run in Beam.
    """
    # In a folder of its own a run keeps counts beside what it makes, and no path of it
    # is in any cache key; on a platform every run has other folders.
    counts_folder = "" if metadata_path else f"{pipeline_root}/counts"
    data = _data_components(run, data_path, data_version, counts_folder)
    model = _model_components(run, data, serving_dir, force)
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name(run.name),
        pipeline_root=pipeline_root,
        components=[*data, *model],
        enable_cache=cache,
        beam_pipeline_args=list(beam_options),
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(metadata_path)
            if metadata_path
            else None
        ),
    )


class _Data(NamedTuple):
    """The components that make features of raw data, in their order."""

    example_gen: Any
    statistics_gen: Any
    schema_gen: Any
    example_validator: Any
    transform: Any


def _data_components(
    run: Run, data_path: str, data_version: str, counts_folder: str
) -> _Data:
    reader, options = reader_of(run.data, run)
    reader_options = json.dumps(options, sort_keys=True)
    reader_code = (
        "shardline.components.readers.example_reader",
        "shardline.components.execution.import_path",
        _code_of(reader),
    )
    example_gen = ReaderExampleGen(
        reader=reader,
        options=reader_options,
        path=data_path,
        data_version=data_version,
        code_version=code_version(
            "shardline.components.contracts.artifacts",
            "shardline.components.example_gen",
            "shardline.components.readers.files",
            "shardline.components.contracts.data_card",
            "shardline.components.execution.worker_reports",
            *reader_code,
        ),
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    schema_gen = ReaderSchemaGen(
        reader=reader,
        options=reader_options,
        code_version=code_version(
            "shardline.components.example_gen.schema_gen",
            "shardline.components.features.graph.schema",
            *reader_code,
        ),
    )
    schema = schema_gen.outputs["schema"]
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema
    )
    transform = FeatureTransform(
        examples=examples,
        preprocessing=run.feature_set.preprocessing(run.data.target),
        cache_folder=counts_folder,
        code_version=code_version(
            "shardline.components.features.analysis",
            "shardline.components.contracts.artifacts",
            "shardline.components.features",
            "shardline.components.features",
            "shardline.components.contracts.file_record",
            "shardline.components.readers.files",
            "shardline.components.features",
            "shardline.components.contracts.data_card",
            "shardline.components.execution.worker_reports",
            "configs",
            *([_code_of(run.derived.function)] if run.derived else []),
        ),
    )
    return _Data(example_gen, statistics_gen, schema_gen, example_validator, transform)


def _trainer(run: Run, data: _Data) -> Any:
    return Trainer(
        examples=data.example_gen.outputs["examples"],
        transformed_examples=data.transform.outputs["transformed_examples"],
        transform_graph=data.transform.outputs["transform_graph"],
        features=run.feature_set,
        target=run.data.target,
        model=run.model,
        training=run.training,
        parity_examples=run.serving.parity_examples,
        code_version=code_version(
            "shardline.components.contracts.artifacts",
            "shardline.components.contracts.data_card",
            "shardline.components.trainer",
            *_MODEL_CODE,
            _code_of(run.model.builder),
        ),
    )


def _model_components(run: Run, data: _Data, serving_dir: str, force: str) -> list[Any]:
    """Returns the components from training to publishing, in their order."""
    examples = data.example_gen.outputs["examples"]
    trainer = _trainer(run, data)
    exporter = Exporter(
        checkpoint=trainer.outputs["checkpoint"],
        transform_graph=data.transform.outputs["transform_graph"],
        examples=examples,
        model_name=run.name,
        serving=run.serving,
        code_version=code_version(
            "shardline.components.exporter",
            "shardline.components.contracts.data_card",
            "shardline.components.trainer.inputs",
            *_MODEL_CODE,
            _code_of(run.model.builder),
        ),
    )
    validator = ServingValidator(
        model=exporter.outputs["model"],
        serving=run.serving,
        code_version=code_version(
            "shardline.components.contracts.artifacts",
            "shardline.components.contracts.precision_report",
            "shardline.components.execution.local_copy",
            "shardline.components.contracts.parity_examples",
            "shardline.components.contracts.parity_lookups",
            "shardline.components.validator",
            "configs",
        ),
    )
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=exporter.outputs["model"],
        example_splits=[_EVALUATED_SPLIT],
        eval_config=evaluation_config(run),
    )
    pusher = Pusher(
        model=exporter.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        validation=validator.outputs["validation"],
        serving_dir=serving_dir,
        publishing=run.publishing,
        force=force,
        code_version=code_version(
            "shardline.components.contracts.artifacts",
            "shardline.components.execution.local_copy",
            "shardline.components.pusher",
            "shardline.components.pusher",
            "shardline.components.contracts.validation",
        ),
    )
    return [trainer, exporter, validator, evaluator, pusher]


def _code_of(import_path: str) -> str:
    """Returns what to hash for an object: the package that its module is of."""
    module = import_path.rpartition(".")[0]
    package, *names = module.split(".")
    return ".".join([package, *names[:1]]) if package == "components" else package


def evaluation_config(run: Run) -> tfma.EvalConfig:
    """Returns what the exported model is judged by: AUC above the run's floor.

    A floor of 0 asks for no AUC, so that one may be undefined; scores that are no
    numbers never pass.
    """
    metrics = [
        _metric(
            "ExactAUC",
            _threshold(lower_bound=run.evaluation.min_auc)
            if run.evaluation.min_auc
            else None,
            code_version=code_version("shardline.components.evaluation"),
        ),
        _metric("NormalizedEntropy"),
        _metric("ExactCalibration"),
        _metric("ScoresNotFinite", _threshold(upper_bound=0.0)),
        _metric("Undefined"),
        tfma.MetricConfig(class_name="ExampleCount"),
    ]
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default",
                label_key=run.data.label,
                example_weight_key=run.data.example_weight,
                prediction_key="scores",
            )
        ],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def _metric(
    class_name: str, threshold: tfma.MetricThreshold | None = None, **config: str
) -> tfma.MetricConfig:
    """Returns one of this project's metrics, as TFMA names it."""
    return tfma.MetricConfig(
        class_name=class_name,
        module="shardline.components.evaluation.tfma_metrics",
        config=json.dumps(config) if config else "",
        threshold=threshold,
    )


def _threshold(**bounds: float) -> tfma.MetricThreshold:
    values = {name: {"value": bound} for name, bound in bounds.items()}
    return tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(**values))
