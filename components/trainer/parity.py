"""Writes what a served model must answer, as the learner of a training answers it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from shardline.components.contracts.parity_examples import write_parity
from shardline.components.contracts.parity_lookups import write_lookups
from shardline.components.features.graph.outputs import weights_output
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.trainer.inputs import Batch, filled_batches, unlabelled_batch
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.lookup_cases import LookupCase
from shardline.components.trainer.lookup_recorder import LookupRecorder
from shardline.components.trainer.shares import Share
from shardline.configs.schema import FeatureSet

# Of the parity examples, those whose ids the engine looks up as well: activations take
# more room than scores.
_LOOKED_UP_EXAMPLES = 64


@dataclasses.dataclass(frozen=True)
class ParityWriter:
    """Writes what one learner answers.

    Attributes:
        learner: trained.
        transform: makes ids of raw examples.
        feature_set: the id features, numbers and tables.
        batch_size: examples in a batch of the learner.
    """

    learner: Learner
    transform: TransformGraph
    feature_set: FeatureSet
    batch_size: int

    def write(
        self, raw: tf.data.Dataset, rows: Mapping[str, int], folder: Path
    ) -> None:
        """Writes the scores of raw examples, and lookups of the engine.

        Args:
            raw: serialized examples.
            rows: rows of each table.
            folder: where the files go.
        """
        self._write_scores(raw, folder)
        self._write_lookups(raw, rows, folder)

    def _write_scores(self, raw: tf.data.Dataset, folder: Path) -> None:
        """Scores raw examples through the transform graph and the engine."""

        def parse(serialized: tf.Tensor) -> Batch:
            transformed = self.transform(self.transform.parse(serialized))
            size = serialized.shape[0]
            return unlabelled_batch(transformed, self.feature_set, size)

        def share_of(share: Share) -> tf.data.Dataset:
            return filled_batches(raw, self.batch_size, parse, share)

        scores = self.learner.predict(self.learner.distribute(share_of))
        write_parity(folder, list(raw.as_numpy_iterator()), scores)

    def _write_lookups(
        self, raw: tf.data.Dataset, rows: Mapping[str, int], folder: Path
    ) -> None:
        """Records the lookups of the engine."""
        recorder = LookupRecorder(self.learner, self.feature_set, rows, self.batch_size)
        examples = example_cases(self.transform, self.feature_set, raw)
        write_lookups(folder, self.learner.run(recorder.record, examples))


def example_cases(
    transform: TransformGraph, feature_set: FeatureSet, raw: tf.data.Dataset
) -> dict[str, LookupCase]:
    """Returns what to look up for real examples.

    Args:
        transform: makes their ids.
        feature_set: the id features, numbers and tables.
        raw: serialized examples, of which the first are taken.

    Returns:
        By feature, the ids and weights of each example.
    """
    serialized = list(raw.take(_LOOKED_UP_EXAMPLES).as_numpy_iterator())
    transformed = transform(transform.parse(tf.constant(serialized)))
    cases = {}
    for name, feature in feature_set.features.items():
        ids = transformed[name]
        weights = None
        if feature.weights:
            weights = transformed[weights_output(name)].to_list()
        lists = ids.to_list() if feature.is_ragged else ids.numpy()[:, None].tolist()
        cases[name] = LookupCase("evaluation examples", lists, weights)
    return cases
