"""A small engine of every kind of feature and policy, and what it answers to probes."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.parity_lookups import Lookups, write_lookups
from shardline.components.execution.fresh_process import Answers, Refusal
from shardline.components.exporter.signatures import lookup_signature
from shardline.components.model.engine_config import engine_config, table_policies
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.probe_cases import Probe
from shardline.components.trainer.probes import Prober
from shardline.components.validator.replay import ask
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
    name: Probe(
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
def lookups(learner: Learner) -> Lookups:
    """What the engine answers to every case."""
    return Prober(learner.engine, FEATURES, ROWS, BATCH_SIZE).lookups(EXAMPLES)


@pytest.fixture(scope="session")
def parity(lookups: Lookups, tmp_path_factory: pytest.TempPathFactory) -> Path:
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

    def ask_it(model: Model) -> Answers:
        arrays, refusals = ask.lookups(model, parity)
        by_request: list[dict[str, np.ndarray]] = [{} for _ in refusals]
        for name, array in arrays.items():
            number, _, feature = name.partition("/")
            by_request[int(number)][feature] = array
        told = [one and Refusal(**one) for one in refusals]
        return Answers(np.zeros(0), by_request, told, 0.0, {})

    return ask_it
