"""Id features, numbers and derived columns: what a model reads of an example, and how.

What these ask of each other and of tables is checked in `configs.feature_set`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.column import Column, Dtype
from shardline.configs.section import ImportPath, InputName, Name, PositiveInt, Section


class Ids(Section):
    """How tokens become ids: by vocabulary unless one of the others is given."""

    # By a hash into so many rows. Another salt gives other collisions.
    hash_buckets: PositiveInt | None = None
    salt: str | None = None
    # The column holds ids already: whole numbers from 0 to below this.
    range: PositiveInt | None = None
    # Whether an id out of range is an error, or becomes one of the table's `oov_rows`.
    out_of_range: Literal["error", "oov_rows"] | None = None
    # The column holds numbers, which become the numbers of so many intervals, with
    # about as many training values in each.
    quantile_buckets: PositiveInt | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Ids":
        kinds = [self.hash_buckets, self.range, self.quantile_buckets]
        if kinds.count(None) < 2:
            raise PydanticCustomError(
                "one_kind",
                "give at most one of `hash_buckets`, `range` and `quantile_buckets`",
            )
        if self.salt is not None and self.hash_buckets is None:
            raise PydanticCustomError("salt", "`salt` needs `hash_buckets`")
        if self.out_of_range is not None and self.range is None:
            raise PydanticCustomError("out_of_range", "`out_of_range` needs `range`")
        return self

    @property
    def kind(self) -> Literal["vocabulary", "hash", "range", "quantiles"]:
        """How tokens become ids."""
        if self.hash_buckets is not None:
            return "hash"
        if self.range is not None:
            return "range"
        return "vocabulary" if self.quantile_buckets is None else "quantiles"

    def __str__(self) -> str:
        """Returns the keys and values as the configuration has them."""
        keys = self.model_dump(exclude_none=True)
        return ", ".join(f"{k}: {v}" for k, v in keys.items()) or "vocabulary"


def _by_name(ids: Any) -> Any:
    """Lets the word `vocabulary` stand for itself."""
    if isinstance(ids, str):
        if ids != "vocabulary":
            raise PydanticCustomError(
                "ids",
                "must be `vocabulary` or a mapping with one of `hash_buckets`, `range` "
                "and `quantile_buckets`",
            )
        return {}
    return ids


_DTYPES: dict[str, Dtype] = {
    "vocabulary": "string",
    "hash": "string",
    "range": "int64",
    "quantiles": "float",
}


class Feature(Section):
    """An id feature: which column, which table, and what becomes of several ids.

    It has one id in each example. With `combiner` it has any number, whose activations
    are pooled (and weighted, with `weights`); with `max_sequence_length` any number,
    each with an activation.
    """

    table: Name
    # The column of the examples; the feature's name unless this says another.
    column: str | None = None
    # Two columns instead, each pair of whose values is a token.
    cross: tuple[str, str] | None = None
    # What the column holds; by default what `ids` needs, and strings for vocabularies
    # and hashes.
    dtype: Dtype | None = None
    ids: Annotated[Ids, BeforeValidator(_by_name)] = Ids()
    # What stands in for a missing value, and for an empty list in a ragged column.
    default: str | int | float | None = None
    combiner: Literal["sum", "mean", "sqrtn"] | None = None
    max_sequence_length: PositiveInt | None = None
    # Which end of a longer sequence is kept. Columns begin with the oldest value.
    keep: Literal["newest", "oldest"] | None = None
    # The column with one weight for each token.
    weights: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Feature":
        faults = {
            "a sequence is not pooled: give `combiner` or `max_sequence_length`": (
                self.combiner and self.max_sequence_length
            ),
            "`weights` need a `combiner` to weight for": (
                self.weights and not self.combiner
            ),
            "`keep` is for sequences: give `max_sequence_length`": (
                self.keep and not self.max_sequence_length
            ),
            "give `column` or `cross`, not both": self.column and self.cross,
            "`cross` needs two different columns": (
                self.cross and self.cross[0] == self.cross[1]
            ),
            "`cross` makes strings: its `ids` must be a vocabulary or hashed": (
                self.cross and self.ids.kind not in ("vocabulary", "hash")
            ),
            "weights of a `cross` cannot be given: pairs have none": (
                self.cross and self.weights
            ),
            "`weights` and `column` name the same column": (
                self.weights and self.weights == self.column
            ),
            **self._dtype_faults(),
        }
        for fault, is_found in faults.items():
            if is_found:
                raise PydanticCustomError("feature", fault)
        return self

    def _dtype_faults(self) -> dict[str, bool]:
        kind = self.ids.kind
        allowed = {
            "vocabulary": ("string", "int64"),
            "hash": ("string", "int64"),
            "range": ("int64",),
            "quantiles": ("float", "int64"),
        }[kind]
        fits = {"string": (str,), "int64": (int,), "float": (int, float)}
        is_default_fit = self.default is None or isinstance(
            self.default, fits[self.column_dtype]
        )
        size = self.ids.range
        is_outside = (
            size is not None
            and isinstance(self.default, int)
            and not 0 <= self.default < size
        )
        return {
            f"`default: {self.default}` is not in `range: {size}`": is_outside,
            f"`dtype: {self.dtype}` does not fit `ids: {self.ids}`, which needs "
            f"{' or '.join(allowed)}": self.column_dtype not in allowed,
            f"`default: {self.default!r}` is no {self.column_dtype}": (
                not is_default_fit
            ),
        }

    @property
    def is_ragged(self) -> bool:
        """Whether an example may hold any number of ids."""
        return self.combiner is not None or self.max_sequence_length is not None

    @property
    def column_dtype(self) -> Dtype:
        """What the column holds."""
        return self.dtype or _DTYPES[self.ids.kind]


class Number(Section):
    """A number for the dense model, scaled by what the training examples hold."""

    # The column of the examples; the number's name unless this says another.
    column: str | None = None
    dtype: Literal["float", "int64"] = "float"
    # Whether x becomes sign(x) * log(1 + |x|) first.
    log: bool = False
    # How it is scaled then: to mean 0 and variance 1, or from 0 for the smallest to 1
    # for the largest.
    scale: Literal["z_score", "min_max", "none"] = "none"
    # What a missing value or NaN is: an error, the mean of the others, or this number
    # as the column would hold it.
    missing: Literal["error", "mean"] | FiniteFloat = "error"


class Derived(Section):
    """Columns that a function of the user's own adds, before anything else happens."""

    # TensorFlow Transform calls it with {column: tensor}; it may use analyzers.
    function: ImportPath
    # The raw columns that the function reads, and the columns that it returns.
    inputs: dict[str, Column]
    outputs: dict[str, Column]

    @model_validator(mode="after")
    def _names_differ(self) -> "Derived":
        for name in self.outputs:
            if name in self.inputs:
                raise PydanticCustomError(
                    "derived", f"`{name}` is in `inputs` and in `outputs`; rename one"
                )
        return self


class Features(Section):
    """The inputs of a model: id features and numbers."""

    features: dict[Name, Feature]
    numbers: dict[Name, Number] = Field(default_factory=dict)
    derived: Derived | None = None
    # What the published model calls the input of a column; by default the column's
    # name, in which all but ASCII letters, digits and `_` becomes `_`, with `column_`
    # before it where no letter comes first, or it is a word of Python.
    inputs: dict[str, InputName] = Field(default_factory=dict)

    def features_of(self, table: str) -> dict[str, Feature]:
        """Returns the features that look a table up."""
        return {
            name: feature
            for name, feature in self.features.items()
            if feature.table == table
        }

    def ids_of(self, table: str) -> Ids:
        """Returns how tokens become ids; the features of a table agree on it."""
        return next(iter(self.features_of(table).values())).ids

    def dtype_of(self, table: str) -> Dtype:
        """Returns what tokens are before they become ids; likewise."""
        return next(iter(self.features_of(table).values())).column_dtype


class Target(Section):
    """What to predict, and how much each example counts."""

    # The column to predict, which holds 0 and 1.
    label: str = "label"
    # The column with one weight for each example.
    example_weight: str | None = None
