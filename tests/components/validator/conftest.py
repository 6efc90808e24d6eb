"""A small engine of every kind of feature and policy, and models that answer as it."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.parity_examples import model_parity, write_parity
from shardline.components.contracts.parity_lookups import (
    ARRAYS_FILE,
    LOOKUPS_FILE,
    CaseRange,
    ParityLookups,
    RecordedFeature,
    RecordedLookup,
    example_ids,
    write_lookups,
)
from shardline.components.exporter.signatures import lookup_signature
from shardline.components.model.engine_config import engine_config, table_policies
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.lookup_cases import LookupCase
from shardline.components.trainer.lookup_recorder import LookupRecorder
from shardline.components.validator.replay import program
from shardline.components.validator.replay.answers import Answers, Refusal
from shardline.configs.schema import (
    SGD,
    Feature,
    FeatureSet,
    Optimizer,
    Precision,
    Table,
)
from shardline.embedding import serving_embedding_lookup
from shardline.embedding.serving.tables import ServingTable, encoded
from shardline.embedding.tables.partition import first_rows

BATCH_SIZE = 32
HOSTS = 3
ROWS = {"person": 9, "movie": 40, "tag": 30, "shop": 11, "genre": 20}


def _table(**given: Any) -> Table:
    return Table(dim=4, optimizer=Optimizer(sgd=SGD()), **given)


FEATURES = FeatureSet(
    features={
        "user": Feature(table="person"),
        "history": Feature(table="movie", max_sequence_length=3),
        "liked": Feature(table="movie", combiner="sqrtn"),
        "tags": Feature(table="tag", combiner="mean", weights="tag_weights"),
        "shops": Feature(table="shop", combiner="sum", weights="shop_weights"),
        "genres": Feature(table="genre", combiner="mean"),
    },
    tables={
        "person": _table(),
        "movie": _table(),
        "tag": _table(),
        "shop": _table(policy="drop"),
        "genre": _table(policy="oov_row"),
    },
)
EXAMPLES = {
    name: LookupCase(
        "evaluation examples", [[1], [2]], [[1.0], [2.0]] if feature.weights else None
    )
    for name, feature in FEATURES.features.items()
}


@dataclasses.dataclass
class Model:
    """A model in place of the exported one; what is set makes it answer otherwise.

    Attributes:
        rows: of each table.
        hosts: that the tables were trained on.
        precisions: how tables are held; float32 if not named.
        features: what the model was configured from.
        change_inputs: of flat inputs by name.
        change_outputs: of activations by feature.
    """

    rows: dict[str, np.ndarray]
    hosts: int = HOSTS
    precisions: dict[str, Precision] = dataclasses.field(default_factory=dict)
    features: FeatureSet = FEATURES
    change_inputs: Callable[[Any], Any] = lambda flat: flat
    change_outputs: Callable[[Any], Any] = lambda activations: activations

    def __call__(self, **flat: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers as the signature `lookup` does."""
        tables, lookup = _traced(
            self.features.model_dump_json(), self.hosts, tuple(self.precisions.items())
        )
        for name, table in tables.items():
            for part, values in encoded(table.precision, self.rows[name]).items():
                table.parts[part].assign(values)
        return self.change_outputs(lookup(**self.change_inputs(flat)))


@functools.cache
def _traced(
    features_json: str, hosts: int, precisions: tuple[tuple[str, Precision], ...]
) -> tuple[dict[str, ServingTable], Any]:
    """Traces the lookup once for all models that differ in their rows only."""
    features = FeatureSet.model_validate_json(features_json)
    config = engine_config(features, ROWS, trainable=False)
    tables = {
        name: ServingTable(
            4, first_rows(rows, hosts), dict(precisions).get(name, "float32")
        )
        for name, rows in ROWS.items()
    }
    by_config = {f.table: tables[f.table.name] for f in config.values()}

    def answer(ids: Any, weights: Any) -> Any:
        policies = table_policies(features)
        return serving_embedding_lookup(ids, weights, by_config, config, policies)

    return tables, lookup_signature(features, answer)


@pytest.fixture(scope="session")
def learner(make_learner: Callable[..., Learner]) -> Learner:
    """An untrained learner over three hosts."""
    made = make_learner(FEATURES, ROWS, BATCH_SIZE, HOSTS)
    for table in made.engine.embedding_tables.values():
        for shard in table.variables:
            shard.assign(30 * shard)
    return made


@pytest.fixture(scope="session")
def lookups(learner: Learner) -> ParityLookups:
    """What the engine answers to every case."""
    return LookupRecorder(learner, FEATURES, ROWS, BATCH_SIZE).record(EXAMPLES)


@pytest.fixture(scope="session")
def parity(lookups: ParityLookups, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that has it."""
    folder = tmp_path_factory.mktemp("lookups") / "parity"
    write_lookups(folder, lookups)
    return folder


@pytest.fixture
def model(learner: Learner) -> Model:
    """A model that answers as the engine, whose rows are free to be changed."""
    return Model(
        {
            table.name: np.concatenate([shard.numpy() for shard in rows.variables])
            for table, rows in learner.engine.embedding_tables.items()
        }
    )


@pytest.fixture
def answers_of(parity: Path) -> Callable[[Model], Answers]:
    """Asks a model in this process what the fresh one asks."""

    def ask(model: Model) -> Answers:
        files = parity / LOOKUPS_FILE, parity / ARRAYS_FILE
        arrays, refusals = program.look_up(model, *map(str, files))
        by_request: list[dict[str, np.ndarray]] = [{} for _ in refusals]
        for name, array in arrays.items():
            number, _, feature = name.partition("/")
            by_request[int(number)][feature] = array
        errors = [refusal and Refusal(**refusal) for refusal in refusals]
        return Answers(np.zeros(0), by_request, errors, 0.0, {})

    return ask


# A model that scores with the length of a name, and looks up a table of four rows.
_NAMES = [b"", b"a", b"bcd"]
_SCORES = np.array([0.0, 1.0, 3.0], np.float32)
_SMALL_ROWS = np.arange(8, dtype=np.float32).reshape(4, 2) / 8


def _example(name: bytes) -> bytes:
    """Returns a serialized example of one column."""
    made = tf.train.Example()
    made.features.feature["name"].bytes_list.value.append(name)
    return made.SerializeToString()


def _small_lookups() -> ParityLookups:
    """What a table of four rows answers, and what it refuses."""
    right = RecordedLookup(
        example_ids([[0], [3]]),
        [CaseRange("one id", 0, 2)],
        _SMALL_ROWS[[0, 3]],
        {"int8": np.array([0.0, 0.01], np.float32)},
    )
    wrong = RecordedLookup(
        example_ids([[4]]), [CaseRange("id equal to the rows", 0, 1)]
    )
    return ParityLookups(
        {"user": RecordedFeature("user", "single")}, [{"user": right}, {"user": wrong}]
    )


def _length(names: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(names), tf.float32)


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., str]:
    """Exports a model that scores with the length of a name, by default."""

    def save(
        score: Callable[[tf.Tensor], tf.Tensor] = _length, *, has_lookup: bool = True
    ) -> str:
        spec = {"name": tf.io.FixedLenFeature([], tf.string)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"scores": score(tf.io.parse_example(examples, spec)["name"])}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, "user")])
        def lookup(user: tf.Tensor) -> dict[str, tf.Tensor]:
            in_range = tf.debugging.Assert(tf.reduce_all(user < 4), ["ids up to 3"])
            with tf.control_dependencies([in_range]):
                return {"user": tf.gather(tf.constant(_SMALL_ROWS), user)}

        folder = str(tmp_path / "model")
        signatures = {"serving_default": serve}
        if has_lookup:
            signatures["lookup"] = lookup
        tf.saved_model.save(tf.Module(), folder, signatures=signatures)
        write_parity(model_parity(folder), [_example(name) for name in _NAMES], _SCORES)
        write_lookups(model_parity(folder), _small_lookups())
        return folder

    return save
