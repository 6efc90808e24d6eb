"""Records lookups of the engine, which a served model has to repeat.

The engine takes batches of one size: examples without ids fill them up. What no policy
refuses is one request. Each case that the policy `error` may refuse is a request by
itself, and is recorded as answered or refused, as it was. A TPU is not asked for those:
it refuses nothing, and what it would answer is not known.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.components.contracts.parity_lookups import (
    CaseRange,
    ExampleIds,
    Kind,
    ParityLookups,
    RecordedFeature,
    RecordedLookup,
    example_ids,
)
from shardline.components.model.engine_config import engine_config
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.lookup_cases import FeatureShape, LookupCase, cases_of
from shardline.components.trainer.rounding import Rounding
from shardline.configs.schema import Feature, FeatureSet


def kind_of(feature: Feature) -> Kind:
    """Returns what a feature takes, as the model's `lookup` signature does."""
    if feature.max_sequence_length:
        return "sequence"
    if feature.weights:
        return "weighted"
    return "pooled" if feature.combiner else "single"


class LookupRecorder:
    """Looks up in a learner's engine, and records its answers."""

    def __init__(
        self,
        learner: Learner,
        feature_set: FeatureSet,
        rows: Mapping[str, int],
        batch_size: int,
    ):
        """Looks nothing up yet.

        Args:
            learner: holds the engine.
            feature_set: the feature set that the engine was configured from.
            rows: rows of each table.
            batch_size: examples in a batch.
        """
        self._learner = learner
        self._feature_set = feature_set
        self._rows = rows
        self._batch_size = batch_size
        self._kinds = {
            name: kind_of(feature) for name, feature in feature_set.features.items()
        }
        self._rounding = Rounding(
            learner.engine,
            engine_config(feature_set, rows, trainable=False),
            feature_set,
            adds_alike=not learner.is_on_tpu,
        )
        self._lookup = tf.function(self._looked_up, input_signature=[self._spec()])
        learner.check_graph(self._lookup)

    def record(self, examples: Mapping[str, LookupCase]) -> ParityLookups:
        """Looks up every case of every feature, without a change to tables.

        Args:
            examples: a further case of each feature: the ids of real examples.
        """
        together: dict[str, list[LookupCase]] = {}
        separate: list[tuple[str, LookupCase]] = []
        for name, feature in self._feature_set.features.items():
            policy = self._feature_set.tables[feature.table].policy
            cases = [*cases_of(self._shape(name, feature)), examples[name]]
            risky = [case for case in cases if case.is_risky and policy == "error"]
            together[name] = [case for case in cases if case not in risky]
            if not self._learner.is_on_tpu:
                separate += [(name, case) for case in risky]
        return ParityLookups(
            {
                name: RecordedFeature(feature.table, self._kinds[name])
                for name, feature in self._feature_set.features.items()
            },
            [
                self._answered(together),
                *(self._attempted(name, case) for name, case in separate),
            ],
        )

    def _shape(self, name: str, feature: Feature) -> FeatureShape:
        return FeatureShape(
            kind=self._kinds[name],
            rows=self._rows[feature.table],
            hosts=len(self._learner.engine.hosts),
            longest=feature.max_sequence_length or 0,
        )

    def _attempted(self, name: str, case: LookupCase) -> dict[str, RecordedLookup]:
        """Looks one case up, which the engine may refuse."""
        try:
            return self._answered({name: [case]})
        except tf.errors.InvalidArgumentError:
            return {name: RecordedLookup(*_joined([case]))}

    def _answered(
        self, cases: Mapping[str, list[LookupCase]]
    ) -> dict[str, RecordedLookup]:
        """Looks several cases of each feature up in one request."""
        joined = {name: _joined(several) for name, several in cases.items()}
        ids = {name: examples for name, (examples, _) in joined.items()}
        activations = self._activations(ids)
        return {
            name: RecordedLookup(
                ids[name],
                ranges,
                activations[name],
                self._rounding.allowed(name, self._inputs(name, ids[name])),
            )
            for name, (_, ranges) in joined.items()
        }

    def _activations(self, ids: Mapping[str, ExampleIds]) -> dict[str, np.ndarray]:
        """Returns the engine's answers for any number of examples of each feature."""
        answers: dict[str, list[np.ndarray]] = {name: [] for name in ids}
        examples = max(feature_ids.examples for feature_ids in ids.values())
        for start in range(0, examples, self._batch_size):
            batch = {
                name: self._batch(name, ids.get(name), start) for name in self._kinds
            }
            activations = self._lookup(batch)
            for name, parts in answers.items():
                real = max(0, min(self._batch_size, ids[name].examples - start))
                parts.append(activations[name][:real].numpy())
        return {name: np.concatenate(parts) for name, parts in answers.items()}

    def _batch(
        self, name: str, ids: ExampleIds | None, start: int
    ) -> dict[str, np.ndarray]:
        """Returns some examples as flat arrays, filled up to a batch."""
        empty = example_ids([], [] if self._kinds[name] == "weighted" else None)
        part = (ids or empty).part(start, start + self._batch_size)
        missing = self._batch_size - part.examples
        if self._kinds[name] == "single":
            return {"ids": np.pad(part.values, (0, missing))}
        splits = np.pad(part.row_splits, (0, missing), mode="edge")
        flat = {"ids": part.values, "row_splits": splits}
        return flat if part.weights is None else flat | {"weights": part.weights}

    def _spec(self) -> dict[str, dict[str, tf.TensorSpec]]:
        """Returns what `_batch` makes, by feature."""
        dtypes = {"ids": tf.int64, "row_splits": tf.int64, "weights": tf.float32}
        lengths = {"row_splits": self._batch_size + 1}
        return {
            name: {
                key: tf.TensorSpec(
                    [self._batch_size if kind == "single" else lengths.get(key)],
                    dtypes[key],
                )
                for key in _KEYS[kind]
            }
            for name, kind in self._kinds.items()
        }

    def _looked_up(self, batch: Mapping[str, Mapping[str, tf.Tensor]]) -> Any:
        inputs = {name: _engine_input(flat) for name, flat in batch.items()}
        return self._learner.lookup(
            {name: ids for name, (ids, _) in inputs.items()},
            {name: weights for name, (_, weights) in inputs.items()},
        )

    def _inputs(self, name: str, ids: ExampleIds) -> tuple[Any, Any]:
        """Returns ids and weights of any number of examples for the engine."""
        if self._kinds[name] == "single":
            return tf.constant(ids.values), None
        flat = {"ids": ids.values, "row_splits": ids.row_splits}
        if ids.weights is not None:
            flat["weights"] = ids.weights
        return _engine_input({key: tf.constant(array) for key, array in flat.items()})


_KEYS = {
    "single": ["ids"],
    "pooled": ["ids", "row_splits"],
    "sequence": ["ids", "row_splits"],
    "weighted": ["ids", "row_splits", "weights"],
}


def _engine_input(flat: Mapping[str, tf.Tensor]) -> tuple[Any, Any]:
    """Returns ids and weights as `model.engine_inputs` gives them."""
    if "row_splits" not in flat:
        return flat["ids"], None
    ids = tf.RaggedTensor.from_row_splits(flat["ids"], flat["row_splits"])
    if "weights" not in flat:
        return ids, None
    return ids.to_sparse(), ids.with_values(flat["weights"]).to_sparse()


def _joined(cases: list[LookupCase]) -> tuple[ExampleIds, list[CaseRange]]:
    """Returns the examples of cases one after another, and where each case's are."""
    ids = [example for case in cases for example in case.ids]
    weights = [example for case in cases for example in case.weights or []]
    is_weighted = any(case.weights is not None for case in cases)
    return example_ids(ids, weights if is_weighted else None), list(_ranges(cases))


def _ranges(cases: list[LookupCase]) -> Iterator[CaseRange]:
    start = 0
    for case in cases:
        yield CaseRange(case.name, start, start + len(case.ids))
        start += len(case.ids)
