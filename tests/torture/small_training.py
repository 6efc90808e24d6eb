"""A training in small: four optimizers with their slots, two hosts, a dense model.

Every number is decided by the step, so that a training that goes on from a set must be
bit-equal, step by step, to one that never stopped.
"""

import hashlib
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.checkpoint.sets.retention import Keep

HOSTS = ("/CPU:0", "/CPU:1")
_BATCH = 16
_ZIPF_EXPONENT = 1.3
_SHAPES = {"items": (256, 8), "users": (97, 5), "tags": (31, 16), "few": (3, 2)}
_tpu = tf.tpu.experimental.embedding


class SmallTraining:
    """An engine, a dense model beside it, and the steps that train both.

    Attributes:
        lineage: of its sets.
        keep: which of them are to be kept.
        engine: four tables over two hosts.
        variables: everything else that a set holds, by name.
    """

    lineage = MappingProxyType({"vocabularies": "1f0c", "configuration": "77ab"})
    keep = Keep(last=2, every_steps=60)

    def __init__(self, scale: int = 1, noise_seed: int = 7):
        """Builds it with its values before the first step.

        Args:
            scale: how many times as many rows the tables have; 1 makes 35 KB in all.
            noise_seed: another one makes another course of the training.
        """
        self._rows = {name: rows * scale for name, (rows, _) in _SHAPES.items()}
        optimizers = (_tpu.Adam(0.05), _tpu.Adagrad(0.1), _tpu.FTRL(0.1), _tpu.SGD(0.1))
        self._tables = [
            _table(name, self._rows[name], optimizer)
            for name, optimizer in zip(_SHAPES, optimizers, strict=True)
        ]
        features = {table.name: _tpu.FeatureConfig(table) for table in self._tables}
        self.engine = TPUEmbedding(features, hosts=HOSTS)
        self.engine.build(_BATCH)
        width = sum(dim for _, dim in _SHAPES.values())
        self._weights = tf.Variable(tf.linspace([-0.5], [0.5], width))
        self._momenta = tf.Variable(tf.zeros([width, 1]))
        self._noise = tf.random.Generator.from_seed(noise_seed)
        self._step = tf.Variable(0, dtype=tf.int64)
        self.variables = {
            "dense/kernel": self._weights,
            "dense/kernel/momentum": self._momenta,
            "noise/state": self._noise.state,
            "step": self._step,
        }

    @property
    def step(self) -> int:
        """Steps that were trained."""
        return int(self._step.numpy())

    @property
    def state(self) -> dict[str, Any]:
        """What a set keeps of a trainer beside variables."""
        return {"reader": {"position": self.step * _BATCH}, "best": None}

    def train(self, steps: int = 1) -> None:
        """Trains some steps."""
        for _ in range(steps):
            chance = np.random.default_rng(self.step)
            ids = {
                name: (chance.zipf(_ZIPF_EXPONENT, _BATCH) - 1) % rows
                for name, rows in self._rows.items()
            }
            self._trained(ids)

    def digest(self) -> str:
        """Returns a digest of all values of tables, slots and variables."""
        digest = hashlib.sha256()
        for name, value in self.values().items():
            digest.update(name.encode())
            digest.update(value.tobytes())
        return digest.hexdigest()

    def values(self) -> dict[str, np.ndarray]:
        """Returns every table, slot and variable by its name."""
        values = {name: value.numpy() for name, value in self.variables.items()}
        for table in self._tables:
            slots = self.engine.slot_variables[table]
            parameters = self.engine.embedding_tables[table]
            for name, variable in {"parameters": parameters, **slots}.items():
                shards = [shard.numpy() for shard in variable.variables]
                values[f"{table.name}/{name}"] = np.concatenate(shards)
        return values

    def spoil(self) -> None:
        """Overwrites all values, so that only a restore brings them back."""
        for table in self._tables:
            slots = self.engine.slot_variables[table].values()
            for variable in (self.engine.embedding_tables[table], *slots):
                for shard in variable.variables:
                    shard.assign(tf.fill(shard.shape, np.float32(np.nan)))
        for variable in self.variables.values():
            variable.assign(tf.zeros_like(variable) - 1)

    @tf.function(reduce_retracing=True)
    def _trained(self, ids: dict[str, tf.Tensor]) -> None:
        self.engine.enqueue(ids)
        activations = self.engine.dequeue()
        noise = self._noise.normal([_BATCH, 1])
        with tf.GradientTape() as tape:
            tape.watch([activations, self._weights])
            joined = tf.concat([activations[name] for name in _SHAPES], axis=1)
            error = tf.tanh(joined @ self._weights) - 0.1 * noise
            loss = tf.reduce_sum(error * error)
        by_activation, by_weight = tape.gradient(loss, [activations, self._weights])
        self.engine.apply_gradients(by_activation)
        self._momenta.assign(0.9 * self._momenta + by_weight)
        self._weights.assign_sub(0.01 * self._momenta)
        self._step.assign_add(1)


def _table(name: str, rows: int, optimizer: Any) -> Any:
    return _tpu.TableConfig(
        rows,
        _SHAPES[name][1],
        name=name,
        optimizer=optimizer,
        initializer=tf.random_uniform_initializer(-0.1, 0.1, seed=rows),
    )


def digests_by_step(last_step: int) -> tuple[SmallTraining, list[str]]:
    """Trains without a stop; returns the training, and its digest at each step."""
    training = SmallTraining()
    digests = [training.digest()]
    for _ in range(last_step):
        training.train()
        digests.append(training.digest())
    return training, digests
