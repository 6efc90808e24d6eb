"""Everything a run is told, as frozen objects.

A fact about a feature stands here once; schema, preprocessing, engine, model inputs and
serving signatures are derived from it. Sizes of vocabularies are never written: they
are counted from the training examples.

Rules that span sections (a feature's table exists, a table is used) are checked in
`FeatureSet`, after each section holds on its own.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

ImportPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the configuration: no unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Download(Section):
    """A data package to fetch by the package client, named and hashed."""

    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Data(Section):
    """Where examples come from."""

    # A components.columns.ExampleReader class; `options` are its arguments.
    reader: ImportPath
    options: dict[str, Any] = {}
    # Exactly one of the two: a file or folder of one's own, or a package to fetch.
    path: str | None = None
    download: Download | None = None
    # The column to predict, 0 or 1.
    label: str = "label"

    @model_validator(mode="after")
    def _one_source(self) -> "Data":
        if (self.path is None) == (self.download is None):
            raise PydanticCustomError(
                "one_source", "give exactly one of `path` and `download`"
            )
        return self


class SGD(Section):
    """Stochastic gradient descent."""

    learning_rate: PositiveFloat = 0.01


class Adagrad(Section):
    """Adagrad as the TPU computes it: no epsilon."""

    learning_rate: PositiveFloat = 0.05
    initial_accumulator_value: PositiveFloat = 0.1


class Adam(Section):
    """Lazy Adam as the TPU computes it: touched rows only, no bias correction."""

    learning_rate: PositiveFloat = 0.001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: PositiveFloat = 1e-7


class Optimizer(Section):
    """Exactly one optimizer, by its name."""

    sgd: SGD | None = None
    adagrad: Adagrad | None = None
    adam: Adam | None = None

    @model_validator(mode="after")
    def _one_optimizer(self) -> "Optimizer":
        if [self.sgd, self.adagrad, self.adam].count(None) != 2:
            raise PydanticCustomError(
                "one_optimizer", "give exactly one of `sgd`, `adagrad` and `adam`"
            )
        return self

    @property
    def chosen(self) -> SGD | Adagrad | Adam:
        """The optimizer that was given."""
        return self.sgd or self.adagrad or self.adam  # type: ignore[return-value]


class Vocabulary(Section):
    """How the tokens of a table become ids."""

    # Rows that tokens outside the vocabulary share, by hash.
    oov_rows: PositiveInt = 1
    # Tokens seen less often in the training examples stay outside the vocabulary.
    min_count: PositiveInt = 1


class Table(Vocabulary):
    """An embedding table. Its rows are its vocabulary's tokens and the oov rows."""

    dim: PositiveInt
    optimizer: Optimizer
    # Of the truncated normal distribution that new rows are drawn from.
    initial_stddev: PositiveFloat = 0.01


class Feature(Section):
    """An id feature: which column, which table, and what becomes of several ids.

    One id an example; with `combiner` any number, pooled; with `max_sequence_length`
    any number, the newest kept, one activation each; with `weights` weighted.
    """

    table: Name
    # The column of the examples; default: the feature's name.
    column: str | None = None
    # How tokens become ids: by the vocabulary of the feature's table.
    ids: Literal["vocabulary"] = "vocabulary"
    combiner: Literal["sum", "mean", "sqrtn"] | None = None
    max_sequence_length: PositiveInt | None = None
    # The column with one weight for each token.
    weights: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Feature":
        if self.combiner and self.max_sequence_length:
            raise PydanticCustomError(
                "sequence_combiner",
                "a sequence is not pooled: give `combiner` or `max_sequence_length`",
            )
        if self.weights and not self.combiner:
            raise PydanticCustomError(
                "weights_combiner", "`weights` need a `combiner` to weight for"
            )
        return self

    @property
    def is_ragged(self) -> bool:
        """True when an example may hold any number of ids."""
        return self.combiner is not None or self.max_sequence_length is not None


class Features(Section):
    """The id features."""

    features: dict[Name, Feature]

    def features_of(self, table: str) -> dict[str, Feature]:
        """Returns the features that look a table up."""
        return {
            name: feature
            for name, feature in self.features.items()
            if feature.table == table
        }


class Preprocessing(Features):
    """What turning raw columns into ids depends on, and nothing else."""

    vocabularies: dict[Name, Vocabulary]
    label: str


class FeatureSet(Features):
    """The id features and their tables: the one contract of all components."""

    tables: dict[Name, Table]

    def preprocessing(self, label: str) -> Preprocessing:
        """Returns the part that decides on ids, with the label to pass through."""
        kept = set(Vocabulary.model_fields)
        vocabularies = {
            name: Vocabulary(**table.model_dump(include=kept))
            for name, table in self.tables.items()
        }
        return Preprocessing(
            features=self.features, vocabularies=vocabularies, label=label
        )

    def combiner_of(self, table: str) -> str:
        """Returns how a table's pooled features pool; any value does without one."""
        combiners = (f.combiner for f in self.features_of(table).values())
        return next((combiner for combiner in combiners if combiner), "sum")

    @model_validator(mode="after")
    def _features_and_tables_fit(self) -> "FeatureSet":
        faults = [*self._table_faults(), *self._combiner_faults()]
        if faults:
            raise PydanticCustomError("cross_section", "\n".join(faults))
        return self

    def _table_faults(self) -> list[str]:
        if not self.features:
            return ["`features` is empty; name at least one feature"]
        faults = [
            f"feature `{name}`: table `{feature.table}` is not among the tables "
            f"({', '.join(sorted(self.tables)) or 'there are none'})"
            for name, feature in self.features.items()
            if feature.table not in self.tables
        ]
        used = {feature.table for feature in self.features.values()}
        return faults + [
            f"table `{name}` has no feature; remove it or name it in a feature"
            for name in self.tables
            if name not in used
        ]

    def _combiner_faults(self) -> list[str]:
        """A table has one combiner on the embedding engine, for all its features."""
        faults = []
        for table in self.tables:
            combiners = sorted(
                {f.combiner for f in self.features_of(table).values() if f.combiner}
            )
            if len(combiners) > 1:
                faults.append(
                    f"table `{table}`: its features ask for {' and '.join(combiners)}; "
                    "a table has one combiner, use two tables"
                )
        return faults


class Model(Section):
    """The dense model on top of the activations."""

    # Called with `options`; returns a Keras model of {feature: activation} -> logit.
    builder: ImportPath = "components.dlrm.DLRM"
    options: dict[str, Any] = {}


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


class Serving(Section):
    """How the exported model is checked before it is published."""

    # Evaluation examples that the served model must answer as the engine did.
    parity_examples: PositiveInt = 1000
    max_difference: Annotated[float, Field(ge=0)] = 1e-6
    # Requests in the warm-up file.
    warmup_requests: Annotated[int, Field(ge=1, le=1000)] = 10


class Run(FeatureSet):
    """A whole run."""

    name: Name
    data: Data
    model: Model = Model()
    training: Training
    evaluation: Evaluation
    serving: Serving = Serving()

    @property
    def feature_set(self) -> FeatureSet:
        """The features and tables without the rest of the run."""
        return FeatureSet(features=self.features, tables=self.tables)
