"""`shardline serve-check`: whether the published model answers as in training."""

from typing import TYPE_CHECKING

from shardline.configs import load_run
from shardline.pipeline.commands.console import console, failing_on, load, print_line
from shardline.pipeline.commands.options import Configuration, OutputDir
from shardline.pipeline.run_folder import run_folder_of
from shardline.pipeline.terminal.native_output import stderr_held_back

if TYPE_CHECKING:
    from shardline.components.validator.published_model import PublishedParity


def serve_check(config: Configuration, output_dir: OutputDir = None) -> None:
    """Check that the newest published model answers as the engine did in training.

    Loads the model in a fresh process that has TensorFlow only, repeats there the
    examples and lookups that were recorded in training, and compares the answers.
    """
    run = load(config, load_run)  # its faults, before anything slow is imported
    from shardline.components.pusher.publication import PublicationError
    from shardline.components.validator.published_model import (
        PublishedModelError,
        check_published_model,
    )

    serving_folder = run_folder_of(run.name, output_dir).serving
    print_line("Replaying the trainer's predictions in a fresh process")
    with failing_on(PublicationError, PublishedModelError):
        with console.status(""), stderr_held_back():
            parity = check_published_model(serving_folder, run.serving.max_difference)
    print_line(_line_of(parity))


def _line_of(parity: "PublishedParity") -> str:
    return (
        f"Version {parity.version} answers {parity.examples} examples as the "
        f"engine did: largest difference {parity.largest_difference:.1e}. "
        f"{parity.lookups} lookups of {parity.tables} tables are as in training, "
        f"{parity.refused} are refused as in training."
    )
