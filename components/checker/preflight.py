"""What a configuration names outside of itself, checked before anything runs."""

import os
import sys

import numpy as np

from shardline.components.execution.import_path import (
    construct,
    current_path,
    load_object,
)
from shardline.components.features.graph.schema import column_faults
from shardline.components.model.engine_inputs import model_arguments
from shardline.components.readers.files import reader_of
from shardline.configs.load import ConfigError
from shardline.configs.schema import Run

_NEEDED_SPLITS = {"train", "eval"}


def check(run: Run) -> None:
    """Checks that reader and model exist, take their options, and fit the features.

    Objects of one's own may lie in the current folder.

    Args:
        run: the configuration.

    Raises:
        ConfigError: listing every fault.
    """
    find_user_modules()
    if moved := _moved_faults(run):
        raise ConfigError("\n".join(moved))
    faults = [*_reader_faults(run), *_derived_faults(run), *_model_faults(run)]
    if faults:
        raise ConfigError("\n".join(faults))


def find_user_modules() -> None:
    """Lets objects that a configuration names lie in the current folder."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def _moved_faults(run: Run) -> list[str]:
    """Says what objects of this project are called now.

    A checkpoint may name them as they were called; a configuration is to be edited, for
    with two names one reader would have two cache keys.
    """
    named = {"data.reader": run.data.reader or "", "model.builder": run.model.builder}
    return [
        f"{key}: `{path}` is `{current_path(path)}` since version 0.1; write that"
        for key, path in named.items()
        if current_path(path) != path
    ]


def _derived_faults(run: Run) -> list[str]:
    if run.derived is None:
        return []
    try:
        load_object(run.derived.function)
    except ValueError as error:
        return [f"derived.function: {error}"]
    return []


def _reader_faults(run: Run) -> list[str]:
    key = "data.files" if run.data.files else "data.reader"
    path, options = reader_of(run.data, run.feature_set)
    try:
        reader = construct(path, options)
    except ValueError as error:
        return [f"{key}: {error}"]
    needed = set(_NEEDED_SPLITS)
    if run.training.early_stop:
        needed.add(run.training.early_stop.split)
    giver, remedy = f"`{path}` gives", ""
    if run.data.files:
        giver, remedy = "they give", "; name it in `splits` or `held_out`"
    faults = [
        f"{key}: {giver} splits {', '.join(reader.splits)}, and not `{split}`, which "
        f"is needed for training, evaluation or early stop{remedy}"
        for split in sorted(needed - set(reader.splits))
    ]
    return faults + column_faults(run.feature_set, run.data.target, reader.columns)


def _model_faults(run: Run) -> list[str]:
    """Calls the model on two examples without ids, all numbers 0."""
    activations = {
        name: np.zeros(
            [
                2,
                *([f.max_sequence_length] if f.max_sequence_length else []),
                run.tables[f.table].dim,
            ],
            np.float32,
        )
        for name, f in run.features.items()
    }
    numbers = {name: np.zeros(2, np.float32) for name in run.numbers}
    called = "activations and numbers" if numbers else "activations"
    try:
        model = construct(run.model.builder, run.model.options)
    except ValueError as error:
        return [f"model: {error}"]
    try:
        shape = tuple(model(*model_arguments(activations, numbers)).shape)
    except (AttributeError, TypeError, ValueError) as error:
        return [f"model: `{run.model.builder}`, called with {called}: {error}"]
    if shape != (2,):
        return [
            f"model: `{run.model.builder}` gives {shape} for a batch of 2, expected "
            "one logit an example, (2,)"
        ]
    return []
