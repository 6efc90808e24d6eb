"""What one unit of everything costs: processor time, memory and bytes, as measured."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from shardline.components.planner.scale.planned import ScaleError, faults_in_words
from shardline.configs.section import PositiveFloat, Section

MEASURED = Path(__file__).with_name("unit_costs.json")


class RowCost(Section):
    """What a row costs: so much for itself, and so much for each of its ids."""

    row: PositiveFloat
    id: PositiveFloat

    def of(self, rows: float, ids: float) -> float:
        """Returns what rows with so many ids in all cost."""
        return self.row * rows + self.id * ids


class TokenCost(Section):
    """What a token of a vocabulary costs: processor seconds, and bytes of memory."""

    cpu_s: PositiveFloat
    bytes: PositiveFloat


class StepCost(Section):
    """What a training step costs: processor seconds an id, and a float."""

    id: PositiveFloat
    float: PositiveFloat


class UnitCosts(Section):
    """What one unit costs.

    Attributes:
        measured_on: on which machine, when, and by what.
        read: processor seconds of the component that writes examples.
        statistics: of that which computes statistics.
        features: of the feature step: counting, making ids, writing.
        evaluation: of judging a model.
        train: of the training process beside its hosts: reading, dense model.
        example_bytes: of a row in the examples, raw and transformed, compressed.
        sort: a token of a vocabulary that is put in order.
        live: a token in the update of a living vocabulary: one that it has, one that a
            span has, or both.
        look_up: a token in the table of a process that turns tokens into ids.
        host_step: lookup and update of an id on a host, and of each float of its row.
        chief_step: what the chief does for an id, and for a float of the activations
            of a row that one host sends and gets back.
        save_cpu_s: of a byte of a checkpoint set.
        restore_cpu_s: of the same.
        set_row_bytes: of a touched row in a differential set, beside its numbers.
        export_cpu_s: of a byte of a model.
        load_bytes: of memory, for a byte of a model that is loaded.
    """

    measured_on: str
    read: RowCost
    statistics: RowCost
    features: RowCost
    evaluation: RowCost
    train: RowCost
    example_bytes: RowCost
    sort: TokenCost
    live: TokenCost
    look_up: TokenCost
    host_step: StepCost
    chief_step: StepCost
    save_cpu_s: PositiveFloat
    restore_cpu_s: PositiveFloat
    set_row_bytes: PositiveFloat
    export_cpu_s: PositiveFloat
    load_bytes: PositiveFloat


def load_unit_costs(path: Path = MEASURED) -> UnitCosts:
    """Returns the costs that a file holds.

    Args:
        path: default, those that came with this version.

    Raises:
        ScaleError: if there is no such file, or no costs in it.
    """
    try:
        return UnitCosts.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScaleError(f"{path}: there are no costs to read ({reason}).") from None
    except ValidationError as error:
        faults = "\n  ".join(faults_in_words(error))
        raise ScaleError(
            f"{path} has no unit costs:\n  {faults}\n  `make bench-scale` measures them"
        ) from None
