"""Steps of training and inference to build with either class, by cases."""

import dataclasses
from typing import Any

import tensorflow as tf

tpu = tf.tpu.experimental.embedding

BATCH = 4
LENGTH = 3
WIDTH = 7

# Input kind -> (FeatureConfig options, spec of one replica's ids).
KINDS = {
    "dense": ({}, tf.TensorSpec([BATCH], tf.int32)),
    "dense_column": ({}, tf.TensorSpec([BATCH, 1], tf.int64)),
    "dense_rank3": ({}, tf.TensorSpec([BATCH, 3, 1], tf.int64)),
    "sparse": ({}, tf.SparseTensorSpec([BATCH, WIDTH], tf.int64)),
    "sparse_int32": ({}, tf.SparseTensorSpec([BATCH, WIDTH], tf.int32)),
    "sparse_rank3": ({}, tf.SparseTensorSpec([BATCH, 3, WIDTH], tf.int64)),
    "sparse_sequence": (
        {"max_sequence_length": LENGTH},
        tf.SparseTensorSpec([BATCH, WIDTH], tf.int64),
    ),
    "sparse_sequence_rank3": (
        {"max_sequence_length": LENGTH},
        tf.SparseTensorSpec([BATCH, LENGTH, WIDTH], tf.int64),
    ),
    "sparse_shaped": (
        {"output_shape": [BATCH], "max_sequence_length": LENGTH},
        tf.SparseTensorSpec([BATCH, WIDTH], tf.int64),
    ),
    "ragged": ({}, tf.RaggedTensorSpec([BATCH, None], tf.int64)),
    "ragged_int32": (
        {},
        tf.RaggedTensorSpec([BATCH, None], tf.int32, row_splits_dtype=tf.int32),
    ),
    "ragged_sequence": (
        {"max_sequence_length": LENGTH},
        tf.RaggedTensorSpec([BATCH, None], tf.int64),
    ),
    "ragged_shaped": (
        {"output_shape": [2, 2]},
        tf.RaggedTensorSpec([BATCH, None], tf.int64),
    ),
}


def table(rows, dim, **options):
    """Returns a table of zeros, which needs no draw of random numbers."""
    return tpu.TableConfig(rows, dim, initializer=tf.zeros_initializer(), **options)


@dataclasses.dataclass(frozen=True)
class Step:
    """One step over features `kinds`; tables alternate between the two there are.

    Attributes:
        enqueued: "replicas" (distributed values), "device" (a call for each core) or
            "run" (inside strategy.run).
    """

    kinds: tuple[str, ...]
    enqueued: str = "replicas"
    weighted: bool = False
    training: Any = True
    name: str | None = None
    hosts: int = 1
    combiners: tuple[str, str] = ("sum", "mean")
    missing_gradient: bool = False
    spmd: int = 0

    def __str__(self) -> str:
        words = ["+".join(self.kinds), self.enqueued, f"{self.hosts}h"]
        words += ["weighted"] * self.weighted + ["spmd"] * bool(self.spmd)
        words += ["inference"] * (self.training is False)
        words += ["mode_tensor"] * (self.training == "tensor")
        words += ["named"] * (self.name is not None)
        words += ["missing_gradient"] * self.missing_gradient
        return "-".join(words)

    def feature_config(self):
        """Returns features f0, f1, ... of tables with 13 and 3 rows."""
        first, second = self.combiners
        tables = [
            table(13, 4, combiner=first, name="large"),
            table(3, 2, combiner=second, name="small"),
        ]
        return {
            f"f{index}": tpu.FeatureConfig(tables[index % 2], **KINDS[kind][0])
            for index, kind in enumerate(self.kinds)
        }

    def input_shapes(self):
        """Returns what `build` takes: for each core, with SPMD."""
        parts = max(self.spmd, 1)
        shapes = {}
        for index, kind in enumerate(self.kinds):
            first, *rest = KINDS[kind][1].shape.as_list()
            shapes[f"f{index}"] = tf.TensorShape([first // parts, *rest])
        return shapes

    def graph(self, engine, per_replica, strategy):
        """Returns the graph of the step, built with one class's engine."""
        ids = {f"f{index}": KINDS[kind][1] for index, kind in enumerate(self.kinds)}
        weights = {
            f"f{index}": _weight_spec(kind) for index, kind in enumerate(self.kinds)
        }
        count = strategy.num_replicas_in_sync
        signature = [[ids] * count, [weights] * count, tf.TensorSpec([], tf.bool)]

        def step(all_ids, all_weights, mode):
            training = mode if self.training == "tensor" else self.training
            ids = _merged(all_ids, per_replica)
            weights = _merged(all_weights, per_replica) if self.weighted else None

            def program(ids, weights):
                if self.enqueued == "run":
                    engine.enqueue(ids, weights, training, self.name)
                self._model(engine)

            if self.enqueued == "replicas":
                engine.enqueue(ids, weights, training, self.name)
            elif self.enqueued == "device":
                devices = strategy.extended.worker_devices
                for replica, device in enumerate(devices):
                    engine.enqueue(
                        all_ids[replica],
                        all_weights[replica] if self.weighted else None,
                        training,
                        self.name,
                        device,
                    )
            strategy.run(program, args=(ids, weights))

        return (
            tf.function(step, autograph=False).get_concrete_function(*signature).graph
        )

    def _model(self, engine):
        with tf.GradientTape() as tape:
            activations = engine.dequeue(self.name)
            tape.watch(activations)
            loss = tf.add_n(
                [tf.reduce_sum(x * x) for x in tf.nest.flatten(activations)]
            )
        if self.training is False:
            return
        gradients = tape.gradient(loss, activations)
        if self.missing_gradient:
            gradients["f0"] = None
        engine.apply_gradients(gradients, self.name)


def _weight_spec(kind):
    options, spec = KINDS[kind]
    # Sequences are not pooled, so they take no weights.
    if isinstance(spec, tf.TensorSpec) or options.get("max_sequence_length"):
        return None
    if isinstance(spec, tf.SparseTensorSpec):
        return tf.SparseTensorSpec(spec.shape, tf.float32)
    return tf.RaggedTensorSpec(
        spec.shape, tf.float64, row_splits_dtype=spec.row_splits_dtype
    )


def _merged(values, per_replica):
    """Returns a structure of distributed values from a list of structures."""
    return tf.nest.map_structure(lambda *leaves: per_replica(leaves), *values)
