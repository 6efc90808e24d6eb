"""Engines with one fault each, for the kit to find."""

import tensorflow as tf

from shardline.embedding.conformance.placement import HostPlacement


class BrokenPlacement(HostPlacement):
    """Two logical hosts whose engine has a fault."""

    def __init__(self):
        super().__init__(["/CPU:0", "/CPU:1"], "2 hosts")


class WrongCombiner(BrokenPlacement):
    """Takes sums for means."""

    def engine(self, features, **options):
        for pair in features.values():
            table = pair["left"].table
            table.combiner = "sum" if table.combiner == "mean" else table.combiner
        return super().engine(features, **options)


class WrongEpsilon(BrokenPlacement):
    """Doubles the epsilon of Adam."""

    def engine(self, features, **options):
        for pair in features.values():
            optimizer = pair["left"].table.optimizer
            if isinstance(optimizer, tf.tpu.experimental.embedding.Adam):
                optimizer.epsilon *= 2
        return super().engine(features, **options)


class WrongStaleness(BrokenPlacement):
    """Is stale where it should not be, and is not where it should."""

    def engine(self, features, *, pipelined, policies):
        return super().engine(features, pipelined=not pipelined, policies=policies)


class LostDuplicates(BrokenPlacement):
    """Looks an id up once that an example has twice."""

    def run(self, function, *arguments):
        if len(arguments) == 4:
            ids, *others = arguments
            arguments = (tf.nest.map_structure(_without_duplicates, ids), *others)
        return super().run(function, *arguments)


class RefusesOneCase(BrokenPlacement):
    """Cannot be made for one of the cases."""

    def engine(self, features, **options):
        if "ragged-int32" in features:
            raise ValueError("No ragged ids of int32.\nA trace.")
        return super().engine(features, **options)


class TakesEverything(BrokenPlacement):
    """Has no policy "error": it drops what it should refuse."""

    def engine(self, features, *, pipelined, policies):
        return super().engine(features, pipelined=pipelined, policies="drop")


class RefusesWithAnotherError(BrokenPlacement):
    """Answers what it must refuse with an error that no user can understand."""

    def run(self, function, *arguments):
        try:
            return super().run(function, *arguments)
        except tf.errors.InvalidArgumentError as error:
            raise KeyError("left") from error


def _without_duplicates(ids):
    if isinstance(ids, tf.RaggedTensor):
        return tf.ragged.constant(
            [list(dict.fromkeys(row)) for row in ids.to_list()],
            dtype=ids.dtype,
            ragged_rank=1,
            row_splits_dtype=tf.int64,
        )
    if not isinstance(ids, tf.SparseTensor):
        return ids
    kept = {}
    for at, value in zip(ids.indices.numpy().tolist(), ids.values.numpy(), strict=True):
        kept.setdefault((*at[:-1], value), at)
    places = sorted(kept.values())
    values = {tuple(at): key[-1] for key, at in kept.items()}
    return tf.SparseTensor(
        tf.reshape(tf.constant(places, tf.int64), [-1, ids.shape.rank]),
        tf.constant([values[tuple(at)] for at in places], ids.dtype),
        ids.dense_shape,
    )
