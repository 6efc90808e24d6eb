"""Everything a run is told, as frozen objects.

Rules that span sections (a feature's table exists, a table is used) are checked once
each section holds on its own.
"""

from typing import Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.column import Column
from shardline.configs.data import Data, Download, Files, HeldOut
from shardline.configs.features import (
    Derived,
    Feature,
    Features,
    FeatureSet,
    Ids,
    Number,
    Preprocessing,
    Target,
)
from shardline.configs.rules import serving_faults, target_faults
from shardline.configs.section import (
    Fraction,
    ImportPath,
    Name,
    PositiveFloat,
    PositiveInt,
    Section,
)
from shardline.configs.serving import (
    Latency,
    Precision,
    PrecisionChoice,
    Publishing,
    Serving,
)
from shardline.configs.tables import (
    SGD,
    Adagrad,
    Adam,
    Optimizer,
    Quantization,
    Table,
    Vocabulary,
)

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "Column",
    "Data",
    "Derived",
    "Download",
    "EarlyStop",
    "Evaluation",
    "Feature",
    "FeatureSet",
    "Features",
    "Files",
    "HeldOut",
    "Ids",
    "Job",
    "Latency",
    "Model",
    "Number",
    "Optimizer",
    "Precision",
    "PrecisionChoice",
    "Preprocessing",
    "Publishing",
    "Quantization",
    "Run",
    "Section",
    "Serving",
    "Table",
    "Target",
    "Training",
    "Vocabulary",
]


class Model(Section):
    """The dense model on top of the activations."""

    # Called with `options`; returns a Keras model of {feature: activation} -> logit.
    builder: ImportPath = "shardline.components.model.dlrm.DLRM"
    options: dict[str, Any] = Field(default_factory=dict)


class EarlyStop(Section):
    """Stop when the held-out part of the training examples no longer improves."""

    # Split to watch; the evaluation split would make its own metrics too good.
    split: str = "validation"
    every_steps: PositiveInt
    patience: PositiveInt = 1


class Training(Section):
    """How long and how fast the trainer goes."""

    batch_size: PositiveInt
    # Exactly one of the two.
    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    # Steps in one call into TensorFlow; progress and summaries come between calls.
    steps_per_call: PositiveInt = 20
    # Of the dense model's Adam; tables have their own optimizers.
    learning_rate: PositiveFloat = 0.001
    # Logical hosts that the rows of every table are split over.
    hosts: PositiveInt = 1
    seed: int = 0
    early_stop: EarlyStop | None = None

    @model_validator(mode="after")
    def _one_length(self) -> "Training":
        if (self.epochs is None) == (self.steps is None):
            raise PydanticCustomError(
                "one_length", "give exactly one of `epochs` and `steps`"
            )
        return self


class Evaluation(Section):
    """What a model must reach on the evaluation split to be published."""

    min_auc: Fraction


class Job(FeatureSet):
    """What preparing features takes: a run that need not train."""

    name: Name
    data: Data
    model: Model = Model()
    training: Training | None = None
    evaluation: Evaluation | None = None
    serving: Serving = Serving()
    publishing: Publishing = Publishing()

    @model_validator(mode="after")
    def _data_and_features_fit(self) -> "Job":
        faults = [
            *target_faults(self, self.data),
            *serving_faults(self, self.serving),
        ]
        if faults:
            raise PydanticCustomError("cross_section", "\n".join(faults))
        return self

    @property
    def feature_set(self) -> FeatureSet:
        """The features and tables without the rest of the run."""
        parts = {key: getattr(self, key) for key in FeatureSet.model_fields}
        return FeatureSet(**parts)


class Run(Job):
    """A whole run."""

    training: Training
    evaluation: Evaluation
