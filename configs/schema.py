"""The whole configuration of a run, as frozen objects.

Rules between sections (a feature's table exists, a table is used) are checked once
each section is valid by itself.
"""

from typing import Any

from pydantic import Field, model_validator

from shardline.configs.beam import BeamOptions, WorkerProcesses, worker_faults
from shardline.configs.cluster import ClusterTasks
from shardline.configs.column import Column
from shardline.configs.components import ComponentId, components_of
from shardline.configs.data import Data, Download, Files, HeldOut
from shardline.configs.evaluation import Evaluation, Regression
from shardline.configs.feature_set import FeatureSet, Preprocessing
from shardline.configs.features import (
    Derived,
    Feature,
    Features,
    Ids,
    Number,
    Target,
)
from shardline.configs.header_rules import header_faults
from shardline.configs.job_rules import serving_faults, target_faults, training_faults
from shardline.configs.join_rules import join_faults
from shardline.configs.living import Living
from shardline.configs.living_rules import living_faults
from shardline.configs.platform import Platform
from shardline.configs.resources import ResourcesOfSteps
from shardline.configs.schedule import Retries, Schedule
from shardline.configs.section import (
    ImportPath,
    Name,
    Section,
    cross_section_error,
)
from shardline.configs.serving import (
    Latency,
    Precision,
    PrecisionChoice,
    Publishing,
    Serving,
)
from shardline.configs.span_rules import span_faults
from shardline.configs.spans import Spans
from shardline.configs.step_rules import step_faults
from shardline.configs.tables import (
    SGD,
    Adagrad,
    Adam,
    Optimizer,
    Quantization,
    Table,
    Vocabulary,
)
from shardline.configs.training import Checkpoint, Conduct, EarlyStop, Keep, Training

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "Checkpoint",
    "ClusterTasks",
    "Column",
    "Conduct",
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
    "Keep",
    "Latency",
    "Living",
    "Model",
    "Number",
    "Optimizer",
    "Platform",
    "Precision",
    "PrecisionChoice",
    "Preprocessing",
    "Publishing",
    "Quantization",
    "Regression",
    "Retries",
    "Run",
    "Schedule",
    "Section",
    "Serving",
    "Spans",
    "Table",
    "Target",
    "Training",
    "Vocabulary",
]


class Model(Section):
    """The dense model on top of the activations."""

    # A class or function that takes `options` and returns a Keras model, which takes
    # {feature: activation} and returns logits.
    builder: ImportPath = "shardline.components.model.dlrm.DLRM"
    options: dict[str, Any] = Field(default_factory=dict)


class Job(FeatureSet):
    """What preparing features needs: a run that need not train."""

    name: Name
    data: Data
    model: Model = Model()
    training: Training | None = None
    evaluation: Evaluation | None = None
    serving: Serving = Serving()
    publishing: Publishing = Publishing()
    schedule: Schedule | None = None
    platform: Platform = Platform()
    resources: ResourcesOfSteps = Field(default_factory=dict)
    beam: BeamOptions = Field(default_factory=dict)
    # How many worker processes a step gets; without it, as many as are worth it.
    worker_processes: WorkerProcesses = Field(default_factory=dict)

    @property
    def components(self) -> tuple[ComponentId, ...]:
        """The ids of the components of its pipeline, in their order."""
        return components_of(
            in_spans=self.data.spans is not None,
            compares=bool(self.evaluation and self.evaluation.regression),
        )

    @model_validator(mode="after")
    def _data_and_features_fit(self) -> "Job":
        faults = [
            *target_faults(self, self.data),
            *join_faults(self.data),
            *header_faults(self, self.data),
            *training_faults(self, self.training),
            *serving_faults(self, self.serving),
            *span_faults(self.data, self.evaluation, self.training, self),
            *living_faults(self, in_spans=self.data.spans is not None),
            *step_faults(
                self.components,
                resources=self.resources,
                beam=self.beam,
                worker_processes=self.worker_processes,
            ),
            *worker_faults(self.worker_processes, self.beam),
        ]
        if faults:
            raise cross_section_error(faults)
        return self

    def preprocessing(self, target: Target) -> Preprocessing:
        """Returns what the transform graph needs of this job.

        Args:
            target: label and example weight, which the graph hands on.
        """
        made = super().preprocessing(target)
        return made.with_living() if self.data.spans else made

    @property
    def feature_set(self) -> FeatureSet:
        """The features and tables without the rest of the run."""
        parts = {key: getattr(self, key) for key in FeatureSet.model_fields}
        return FeatureSet(**parts)


class Run(Job):
    """A whole run."""

    training: Training
    evaluation: Evaluation
