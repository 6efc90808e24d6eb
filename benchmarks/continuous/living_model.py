"""A model that lives, in one process: the project's own parts without its pipeline.

Vocabularies are updated, tables begin with the rows of the model before, and training
goes on, as in a run of the pipeline. The learner is made once, for a vocabulary's
capacity stays, and put back to how it was made before each warm start. Unknown tokens
are all looked up in the first of their rows.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc
import tensorflow as tf

from benchmarks.continuous.stream import Stream
from shardline.components.features.living.files import lines_of
from shardline.components.features.living.update import Before, updated
from shardline.components.model.engine_inputs import engine_inputs
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import new_learner
from shardline.components.trainer.row_maps import Side, mapped_table
from shardline.components.trainer.tokens import Tokens
from shardline.configs.living import Living
from shardline.configs.schema import Run
from shardline.embedding.checkpoint.sets.cut import PARAMETERS
from shardline.embedding.checkpoint.warm_start.source import SourceBlock, SourceTable
from shardline.embedding.checkpoint.warm_start.starting import warm_start

_Values = dict[str, dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Moment:
    """All that a living model is at a time.

    Attributes:
        dense: the variables beside tables, by name.
        tables: by table and tensor.
        vocabularies: by table.
    """

    dense: Mapping[str, np.ndarray]
    tables: _Values
    vocabularies: Mapping[str, Before]


class LivingModel:
    """A learner and its vocabularies."""

    def __init__(self, run: Run, stream: Stream, seed: int):
        """Makes a learner that has learnt nothing.

        Args:
            run: the configuration.
            stream: what it is to learn.
            seed: of all that is random.
        """
        self._run, self._stream, self._seed = run, stream, seed
        self._feature_set = run.feature_set
        # Small tables get all the rows that they will ever need.
        self._rules = {
            name: table
            if table.living and table.living.capacity
            else table.model_copy(
                update={"living": Living(capacity=len(stream.tokens[name]))}
            )
            for name, table in self._feature_set.tables.items()
        }
        self._rows = {
            name: rules.living.capacity + rules.oov_rows
            for name, rules in self._rules.items()
            if rules.living and rules.living.capacity
        }
        training = run.training.model_copy(update={"seed": seed})
        self._learner = new_learner(self._feature_set, self._rows, run.model, training)
        self._row_of = {
            table: tf.Variable(np.zeros(len(tokens), np.int64), trainable=False)
            for table, tokens in stream.tokens.items()
        }
        size = run.training.batch_size
        self._order = tf.Variable(
            np.zeros(size, np.int64), shape=[None], trainable=False
        )
        self._batches = tf.data.Dataset.range(tf.int64.max).map(self._batch)
        self._scored = tf.function(
            lambda examples: self._learner.scores(self._parsed(examples))
        )
        self.vocabularies = {name: Before() for name in self._rules}
        self._as_made = self.moment()

    def moment(self) -> Moment:
        """Returns all that it is now."""
        dense = {k: v.numpy() for k, v in self._learner.set_variables().items()}
        tables = {
            name: {tensor: variable.numpy() for tensor, variable in of.items()}
            for name, of in self._tables().items()
        }
        return Moment(dense, tables, dict(self.vocabularies))

    def become(self, moment: Moment) -> None:
        """Goes back, or forward, to what it was at a moment."""
        for name, variable in self._learner.set_variables().items():
            variable.assign(moment.dense[name])
        for name, of in self._tables().items():
            for tensor, variable in of.items():
                _assign(variable, moment.tables[name][tensor])
        self.vocabularies = dict(moment.vocabularies)
        for table, before in self.vocabularies.items():
            self._look_up(table, before)

    def update(self, part: range) -> int:
        """Counts a part, goes on from what it was, and trains on the part.

        Args:
            part: the examples, as many as a batch or more.

        Returns:
            How many steps it took.
        """
        then = self.moment()
        counts = self._stream.counts(part)
        for table, before in then.vocabularies.items():
            age = before.age + 1
            update = updated(before, {age: counts[table]}, self._rules[table], age)
            self.vocabularies[table] = Before(update.state, update.capacity, age)
        after = dict(self.vocabularies)
        if any(before.age for before in then.vocabularies.values()):
            self.become(dataclasses.replace(self._as_made, vocabularies=after))
            maps = {table: self._map(table, then) for table in after}
            warm_start(self._learner.engine, _Held(then.tables), maps)
            for name, variable in self._learner.set_variables().items():
                variable.assign(then.dense[name])
        for table, before in after.items():
            self._look_up(table, before)
        return self._train(part)

    def scores(self, part: range) -> np.ndarray:
        """Returns the scores of a part: float32 [examples]."""
        size, found = self._run.training.batch_size, []
        for start in range(part.start, part.stop, size):
            # The last batch is filled up.
            some = np.minimum(np.arange(start, start + size), part.stop - 1)
            found.append(self._scored(tf.constant(some)).numpy())
        return np.concatenate(found)[: len(part)]

    def _train(self, part: range) -> int:
        training = self._run.training
        random = np.random.default_rng([self._seed, part.start])
        epochs = range(training.epochs or 1)
        order = np.concatenate([random.permutation(part) for _ in epochs])
        steps = len(order) // training.batch_size
        self._order.assign(order[: steps * training.batch_size])
        batches = iter(self._batches)
        for at_once in _calls(steps, training.steps_per_call):
            self._learner.train(batches, tf.constant(at_once))
        return steps

    def _batch(self, number: tf.Tensor) -> Batch:
        """Returns a batch of the order, which begins again after its end."""
        size = self._run.training.batch_size
        first = number * size % tf.size(self._order, tf.int64)
        return self._parsed(self._order[first : first + size])

    def _parsed(self, examples: tf.Tensor) -> Batch:
        """Returns examples with the rows that their tokens have now."""
        examples = tf.ensure_shape(examples, [self._run.training.batch_size])
        serialized = tf.gather(self._stream.records, examples)
        parsed = tf.io.parse_example(serialized, self._stream.spec)
        for name, feature in self._feature_set.features.items():
            rows, ids = self._row_of[feature.table], parsed[name]
            if isinstance(ids, tf.RaggedTensor):
                parsed[name] = ids.with_flat_values(tf.gather(rows, ids.flat_values))
            else:
                parsed[name] = tf.gather(rows, ids)
        ids, weights = engine_inputs(parsed, self._feature_set)
        ones = tf.ones_like(parsed[self._run.data.label])
        return Batch(ids, weights, {}, parsed[self._run.data.label], ones, ones)

    def _tables(self) -> dict[str, dict[str, Any]]:
        tables: dict[str, dict[str, Any]] = self._learner.engine._variables
        return tables

    def _look_up(self, table: str, vocabulary: Before) -> None:
        """Has the tokens of a table looked up as its vocabulary says."""
        state = vocabulary.state.filter(pc.greater_equal(vocabulary.state["row"], 0))
        state = state.combine_chunks()
        found = pc.index_in(self._stream.tokens[table], value_set=state["token"])
        places = pc.fill_null(found, -1).to_numpy()
        rows = np.append(state["row"].to_numpy(), self._rules[table].living.capacity)
        self._row_of[table].assign(rows[places])

    def _map(self, table: str, then: Moment) -> Any:
        """Returns where the rows of a table come from."""
        before, after = (
            self._side(table, of[table])
            for of in (then.vocabularies, self.vocabularies)
        )
        living = self._feature_set.tables[table].living or Living()
        return mapped_table(before, after, living).row_map

    def _side(self, table: str, vocabulary: Before) -> Side:
        lines = lines_of(vocabulary.state, vocabulary.capacity or 0)
        content = b"".join(line + b"\n" for line in lines.to_pylist())
        return Side(
            self._rows[table],
            self._feature_set.ids_of(table),
            self._rules[table].oov_rows,
            Tokens(content),
        )


class _Held:
    """Tables in memory, as a warm start reads them."""

    name = "the model before"

    def __init__(self, values: _Values):
        self._values = values
        self.tables = {
            name: SourceTable(*of[PARAMETERS].shape, tuple(of.keys() - {PARAMETERS}))
            for name, of in values.items()
        }

    def blocks(self, table: str, tensor: str) -> Iterator[SourceBlock]:
        values = self._values[table][tensor]
        yield SourceBlock(range(len(values)), lambda: tf.constant(values))


def _assign(variable: Any, values: np.ndarray) -> None:
    """Writes all rows, each host's on that host."""
    first = 0
    for part in variable.variables:
        rows = part.shape[0]
        part.assign(values[first : first + rows])
        first += rows


def _calls(steps: int, at_once: int) -> list[int]:
    return [min(at_once, steps - done) for done in range(0, steps, at_once)]
