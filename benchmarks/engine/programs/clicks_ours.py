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
from components.trainer.inputs import Batch, BatchReader
from components.trainer.learner import Learner, new_learner
from configs.schema import FeatureSet, Model, Training

_FEATURES = FeatureSet.model_validate(
    {
        "features": {name: {"table": name} for name in click_model.IDS},
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
    numbers = {"numbers": [click_model.NUMBERS]}
    return new_learner(_FEATURES, rows, model, training, numbers)


def our_batches(files: list[str]) -> Iterator[Batch]:
    """Returns the reader's endless, shuffled batches."""
    reader = BatchReader(
        SPEC,
        _FEATURES,
        "label",
        click_model.BATCH,
        numbers=["numbers"],
        compression="",
    )
    return iter(reader.training_batches(files, seed=1))


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
