"""The click model with Shardline: the trainer's own reader, learner and DLRM.

Serves `train`, the trainer's call of several steps, or with `--read-only` `read`, which
takes as many batches from the reader and drops them.
"""

import argparse
from collections.abc import Iterator

import tensorflow as tf

from benchmarks.engine import click_model
from benchmarks.engine.click_records import SPEC
from benchmarks.engine.program import serve
from shardline.components.trainer.inputs import Batch, BatchReader
from shardline.components.trainer.learner import Learner, new_learner
from shardline.configs.schema import FeatureSet, Model, Number, Target, Training

# A record holds all numbers in one feature, and a run's examples one in each.
_NUMBERS = [f"number{k:02}" for k in range(click_model.NUMBERS)]

_FEATURES = FeatureSet.model_validate(
    {
        "features": {name: {"table": name} for name in click_model.IDS},
        "numbers": {name: {} for name in _NUMBERS},
        "tables": {
            name: {
                "dim": click_model.DIM,
                "optimizer": {
                    "adagrad": {"learning_rate": click_model.TABLE_LEARNING_RATE}
                },
            }
            for name in click_model.IDS
        },
    }
)


def our_learner() -> Learner:
    """Returns the trainer's learner with the click model."""
    model = Model(
        options={
            "hidden_units": list(click_model.TOP_UNITS),
            "bottom_units": list(click_model.BOTTOM_UNITS),
            "vectors_to_top": False,
        }
    )
    training = Training(
        batch_size=click_model.BATCH,
        steps=1,
        learning_rate=click_model.DENSE_LEARNING_RATE,
    )
    rows = dict.fromkeys(click_model.IDS, click_model.ROWS)
    return new_learner(_FEATURES, rows, model, training)


def our_batches(files: list[str]) -> Iterator[Batch]:
    """Returns the reader's endless, shuffled batches."""
    features = _FEATURES.model_copy(update={"numbers": {"numbers": Number()}})
    reader = BatchReader(SPEC, features, Target(), click_model.BATCH, compression="")
    batches = reader.training_batches(files, seed=1)
    return iter(batches.map(_with_numbers_apart).prefetch(tf.data.AUTOTUNE))


def _with_numbers_apart(batch: Batch) -> Batch:
    columns = tf.unstack(batch.numbers["numbers"], axis=1)
    return batch._replace(numbers=dict(zip(_NUMBERS, columns, strict=True)))


def main() -> None:
    """Serves `train` or `read`; a call is `STEPS_OF_A_CALL` steps or batches."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--read-only", action="store_true")
    arguments = parser.parse_args()
    if arguments.read_only:
        batches = our_batches(arguments.files)

        def read(_: int) -> None:
            for _batch in range(click_model.STEPS_OF_A_CALL):
                next(batches)

        serve({"read": read}, warm_up_calls=1)
        return
    learner = our_learner()
    batches = our_batches(arguments.files)
    steps = tf.constant(click_model.STEPS_OF_A_CALL)

    def train(_: int) -> None:
        print("loss", float(learner.train(batches, steps)))

    serve({"train": train}, ("tensorflow", "keras"), warm_up_calls=2)


if __name__ == "__main__":
    main()
