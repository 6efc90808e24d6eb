"""What a configuration names outside of itself, checked before anything runs."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from shardline.components.execution.import_path import (
    construct,
    current_path,
    load_object,
)
from shardline.components.features.graph.schema import column_faults
from shardline.components.model.engine_inputs import model_arguments
from shardline.components.readers.files import reader_of
from shardline.components.readers.span_reader import SpanReader
from shardline.configs.components import BEAM_COMPONENTS, DEFAULT
from shardline.configs.fault import ConfigError, Fault, Part
from shardline.configs.load import with_lines
from shardline.configs.schema import Derived, Run

_NEEDED_SPLITS = {"train", "eval"}
_MODEL = Part("model", ("model",))
_BUILDER = Part("model.builder", ("model", "builder"))


def check(run: Run, config: Path | None = None) -> None:
    """Checks that reader and model exist, take their options, and fit the features.

    Objects of the user's own may lie in the current folder.

    Args:
        run: the configuration.
        config: its file, for the lines of faults; None if it is not at hand.

    Raises:
        ConfigError: something does not; the error has every fault.
    """
    find_user_modules()
    _raise(list(_renamed_faults(run)) or faults_of(run), config)


def check_reader(run: Run, config: Path) -> None:
    """Checks that the reader exists, takes its options, and fits the features.

    Much less has to be loaded for that than for the whole of `check`.

    Args:
        run: the configuration.
        config: its file, for the lines of faults.

    Raises:
        ConfigError: something does not; the error has every fault.
    """
    find_user_modules()
    _raise(list(_renamed_faults(run)) or list(_reader_faults(run)), config)


def check_placement(run: Run, config: Path) -> None:
    """Checks that there may be a cluster or a TPU to train on.

    Reaches nothing: workers may come later, and a TPU that is not there ends the
    Trainer. That TensorFlow cannot drive one is known before.

    Args:
        run: the configuration.
        config: its file, for the lines of faults.

    Raises:
        ConfigError: it does not.
    """
    if not run.training.is_elsewhere:
        return
    # It loads TensorFlow, which other runs do in their own time.
    from shardline.components.trainer.placement.choice import check_place

    key = "cluster" if run.training.cluster else "tpu"
    part = Part(f"training.{key}", ("training", key))
    try:
        check_place(run.training)
    except (ValueError, RuntimeError) as error:
        _raise([part.fault(str(error))], config)


def find_user_modules() -> None:
    """Lets objects that a configuration names lie in the current folder."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def faults_of(run: Run) -> list[Fault]:
    """Returns the faults of reader, derived columns, model and options of Beam.

    Args:
        run: the configuration.
    """
    return [
        *_reader_faults(run),
        *derived_faults(run.derived),
        *_model_faults(run),
        *_beam_faults(run),
    ]


def _raise(faults: Sequence[Fault], config: Path | None) -> None:
    if faults:
        raise ConfigError(*with_lines(config, faults))


def _renamed_faults(run: Run) -> Iterator[Fault]:
    """Yields a fault for each object of this project that has another name now.

    A checkpoint may name it as it was called. A configuration is to be edited, for with
    two names one reader would have two cache keys.
    """
    named = {reader_part("reader"): run.data.reader, _BUILDER: run.model.builder}
    for part, path in named.items():
        if path and current_path(path) != path:
            yield part.fault(
                f"`{path}` is `{current_path(path)}` since version 0.1; write that"
            )


def derived_faults(derived: Derived | None) -> Iterator[Fault]:
    """Yields the fault of a function for derived columns that cannot be imported.

    Args:
        derived: what the configuration says of it; None if there is none.
    """
    if derived is None:
        return
    try:
        load_object(derived.function)
    except ValueError as error:
        yield Part("derived.function", ("derived", "function")).fault(str(error))


def reader_part(key: str) -> Part:
    """Returns what reads the data as a part of the configuration.

    Args:
        key: the key of section `data`: "files" or "reader".
    """
    return Part(f"data.{key}", ("data", key))


def _reader_faults(run: Run) -> Iterator[Fault]:
    part = reader_part("files" if run.data.files else "reader")
    path, options = reader_of(run.data, run.feature_set)
    try:
        reader = construct(path, options)
    except ValueError as error:
        yield part.fault(str(error))
        return
    yield from column_faults(run.feature_set, run.data.target, reader.columns)
    if run.data.spans:
        if not isinstance(reader, SpanReader):
            yield part.fault(
                f"`{path}` reads no spans: it has no methods `spans` and "
                "`span_examples`",
                "give it those of `readers.span_reader.SpanReader`, or remove "
                "`data.spans`",
            )
        return
    needed = set(_NEEDED_SPLITS)
    if run.training.early_stop:
        needed.add(run.training.early_stop.split)
    source, remedy = f"`{path}` gives", ""
    if run.data.files:
        source, remedy = "they give", "name it in `splits` or `held_out`"
    for split in sorted(needed - set(reader.splits)):
        yield part.fault(
            f"{source} splits {', '.join(reader.splits)}, and not `{split}`, which is "
            "needed for training, evaluation or early stop",
            remedy,
        )


def _beam_faults(run: Run) -> Iterator[Fault]:
    """Yields options that Beam does not take."""
    if not run.beam:
        return
    from shardline.components.execution.runner_options import Refusal, refused_options

    part = Part("beam", ("beam",))
    default = run.beam.get(DEFAULT, [])
    refused: dict[tuple[str, Refusal], None] = {}
    for component in BEAM_COMPONENTS:
        if component not in run.components:
            continue
        own = run.beam.get(component, [])
        options = [*default, *own]
        runners = [option for option in options if option.startswith("--runner=")]
        # The last one goes before the others.
        is_portable = runners[-1:] == ["--runner=PortableRunner"]
        for option, why in refused_options(
            options, may_have_others=is_portable
        ).items():
            refused[component if option in own else DEFAULT, why] = None
    for key, why in refused:
        yield part.fault(why.fact, why.remedy, key=key)


def _model_faults(run: Run) -> Iterator[Fault]:
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
        yield _MODEL.fault(str(error))
        return
    try:
        shape = tuple(model(*model_arguments(activations, numbers)).shape)
    except (AttributeError, TypeError, ValueError) as error:
        yield _MODEL.fault(f"`{run.model.builder}`, called with {called}: {error}")
        return
    if shape != (2,):
        yield _MODEL.fault(
            f"`{run.model.builder}` gives {shape} for a batch of 2, expected one logit "
            "an example, (2,)"
        )
