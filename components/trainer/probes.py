"""Asks the engine for lookups that a served model has to repeat.

The engine takes batches of one size: examples without ids fill them up. What no policy
refuses is asked together; each case that the policy `error` may refuse is asked alone,
and is recorded as what it was: refused, or answered.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.components.contracts.parity_lookups import (
    Asked,
    Bags,
    Case,
    Kind,
    Lookups,
    Probed,
    bags_of,
)
from shardline.components.model.engine_config import engine_config
from shardline.components.trainer.probe_cases import Probe, Probing, probes_of
from shardline.components.trainer.rounding import Rounding
from shardline.configs.schema import Feature, FeatureSet
from shardline.embedding import TPUEmbedding


def kind_of(feature: Feature) -> Kind:
    """Returns what a feature takes, as the model's `lookup` signature does."""
    if feature.max_sequence_length:
        return "sequence"
    if feature.weights:
        return "weighted"
    return "pooled" if feature.combiner else "single"


class Prober:
    """Asks one engine."""

    def __init__(
        self,
        engine: TPUEmbedding,
        features: FeatureSet,
        rows: Mapping[str, int],
        batch_size: int,
    ):
        """Takes what to ask.

        Args:
            engine: built for the batch size.
            features: the specification that it was configured from.
            rows: rows of each table.
            batch_size: examples in a batch.
        """
        self._engine = engine
        self._features = features
        self._rows = rows
        self._batch_size = batch_size
        self._kinds = {n: kind_of(f) for n, f in features.features.items()}
        self._rounding = Rounding(
            engine, engine_config(features, rows, trainable=False), features
        )
        self._enqueue = tf.function(self._enqueued, input_signature=[self._spec()])

    def lookups(self, examples: Mapping[str, Probe]) -> Lookups:
        """Asks every case of every feature.

        Args:
            examples: what to ask besides, by feature: the ids of real examples.

        Returns:
            What was asked and answered. Tables are not changed.
        """
        together: dict[str, list[Probe]] = {}
        alone: list[tuple[str, Probe]] = []
        for name, feature in self._features.features.items():
            policy = self._features.tables[feature.table].policy
            probes = [*probes_of(self._probing(name, feature)), examples[name]]
            risky = [p for p in probes if p.is_risky and policy == "error"]
            together[name] = [p for p in probes if p not in risky]
            alone += [(name, probe) for probe in risky]
        return Lookups(
            {
                name: Probed(feature.table, self._kinds[name])
                for name, feature in self._features.features.items()
            },
            [
                self._answered(together),
                *(self._tried(name, probe) for name, probe in alone),
            ],
        )

    def _probing(self, name: str, feature: Feature) -> Probing:
        return Probing(
            kind=self._kinds[name],
            rows=self._rows[feature.table],
            hosts=len(self._engine.hosts),
            longest=feature.max_sequence_length or 0,
        )

    def _tried(self, name: str, probe: Probe) -> dict[str, Asked]:
        """Asks one case, which the engine may refuse."""
        try:
            return self._answered({name: [probe]})
        except tf.errors.InvalidArgumentError:
            return {name: Asked(*_joined([probe]))}

    def _answered(self, probes: Mapping[str, list[Probe]]) -> dict[str, Asked]:
        joined = {name: _joined(several) for name, several in probes.items()}
        bags = {name: bags for name, (bags, _) in joined.items()}
        activations = self._activations(bags)
        return {
            name: Asked(
                bags[name],
                cases,
                activations[name],
                self._rounding.allowed(name, self._inputs(name, bags[name])),
            )
            for name, (_, cases) in joined.items()
        }

    def _activations(self, bags: Mapping[str, Bags]) -> dict[str, np.ndarray]:
        """Returns the engine's answers for any number of examples of each feature."""
        answers: dict[str, list[np.ndarray]] = {name: [] for name in bags}
        examples = max(one.examples for one in bags.values())
        for start in range(0, examples, self._batch_size):
            batch = {
                name: self._batch(name, bags.get(name), start) for name in self._kinds
            }
            self._enqueue(batch)
            activations = self._engine.dequeue()
            for name, parts in answers.items():
                real = max(0, min(self._batch_size, bags[name].examples - start))
                parts.append(activations[name][:real].numpy())
        return {name: np.concatenate(parts) for name, parts in answers.items()}

    def _batch(self, name: str, bags: Bags | None, start: int) -> dict[str, np.ndarray]:
        """Returns some examples as flat arrays, filled up to a batch."""
        empty = bags_of([], [] if self._kinds[name] == "weighted" else None)
        part = (bags or empty).part(start, start + self._batch_size)
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

    def _enqueued(self, batch: Mapping[str, Mapping[str, tf.Tensor]]) -> None:
        inputs = {name: _engine_input(flat) for name, flat in batch.items()}
        self._engine.enqueue(
            {name: ids for name, (ids, _) in inputs.items()},
            {name: weights for name, (_, weights) in inputs.items()},
            training=False,
        )

    def _inputs(self, name: str, bags: Bags) -> tuple[Any, Any]:
        if self._kinds[name] == "single":
            return tf.constant(bags.values), None
        flat = {"ids": bags.values, "row_splits": bags.row_splits}
        if bags.weights is not None:
            flat["weights"] = bags.weights
        return _engine_input({key: tf.constant(array) for key, array in flat.items()})


_KEYS = {
    "single": ["ids"],
    "pooled": ["ids", "row_splits"],
    "sequence": ["ids", "row_splits"],
    "weighted": ["ids", "row_splits", "weights"],
}


def _engine_input(flat: Mapping[str, tf.Tensor]) -> tuple[Any, Any]:
    """Returns ids and weights as `components.model.engine_inputs` gives them."""
    if "row_splits" not in flat:
        return flat["ids"], None
    ids = tf.RaggedTensor.from_row_splits(flat["ids"], flat["row_splits"])
    if "weights" not in flat:
        return ids, None
    return ids.to_sparse(), ids.with_values(flat["weights"]).to_sparse()


def _joined(probes: list[Probe]) -> tuple[Bags, list[Case]]:
    """Returns the examples of probes one after another, and where each probe's are."""
    ids = [one for probe in probes for one in probe.ids]
    weights = [one for probe in probes for one in probe.weights or []]
    is_weighted = any(probe.weights is not None for probe in probes)
    return bags_of(ids, weights if is_weighted else None), list(_cases(probes))


def _cases(probes: list[Probe]) -> Iterator[Case]:
    start = 0
    for probe in probes:
        yield Case(probe.case, start, start + len(probe.ids))
        start += len(probe.ids)
