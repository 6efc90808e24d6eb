"""Checks the newest published model from the outside, with what travels with it."""

import dataclasses
from pathlib import Path

from shardline.components.pusher.newest_model import newest_model
from shardline.components.validator.replay.answers import NotServedError
from shardline.components.validator.validate import check_parity


class PublishedModelError(RuntimeError):
    """A published model that does not answer as the engine did in training."""


@dataclasses.dataclass(frozen=True)
class PublishedParity:
    """How a published model compares with the engine, which it agrees with.

    Attributes:
        version: the version of the model.
        examples: whose scores were compared.
        largest_difference: between two scores of one example.
        lookups: the lookups that were compared.
        refused: lookups that the model refused, as training did.
        tables: the tables that were looked up.
    """

    version: int
    examples: int
    largest_difference: float
    lookups: int
    refused: int
    tables: int


def check_published_model(
    serving_folder: Path, max_difference: float
) -> PublishedParity:
    """Replays what training asked the engine, in a fresh process with the newest model.

    Args:
        serving_folder: the folder that model servers, or their agents, read.
        max_difference: the largest difference to the engine's scores that is allowed.

    Raises:
        PublicationError: if there is no version, or it is a delta of one that is gone.
        PublishedModelError: if it does not answer as the engine did.
    """
    with newest_model(serving_folder) as (version, folder):
        try:
            parity = check_parity(str(folder), max_difference)
        except NotServedError as error:
            raise PublishedModelError(f"Version {version}: {error}") from error
    if not parity.gate.passes:
        raise PublishedModelError(f"Version {version}: {parity.gate.why}")
    tables = parity.tables.values()
    return PublishedParity(
        version=version,
        examples=parity.scores.examples,
        largest_difference=parity.scores.largest_difference,
        lookups=sum(table.examples for table in tables),
        refused=sum(table.refused for table in tables),
        tables=len(tables),
    )
