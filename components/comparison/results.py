"""The metrics of all models on all slices, and of the candidate less each other."""

from collections.abc import Mapping

import numpy as np

from shardline.components.comparison.judged_split import JudgedSplit
from shardline.components.comparison.regression_gates import CALIBRATION_ERROR
from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    IN_SERVICE,
    Interval,
    Measured,
    SliceResult,
)
from shardline.components.evaluation.bootstrap import Scored, interval, scored

# The set of rare tokens, among those whose members a split tells.
RARE = "rare"


def slice_results(
    split: JudgedSplit, scores: Mapping[str, np.ndarray], resamples: int, named: str
) -> list[SliceResult]:
    """Returns the results of all examples, and of each slice that has any.

    Args:
        split: what was scored.
        scores: by model, the candidate's among them: float32 [examples].
        resamples: how many the intervals are of.
        named: what the examples are, for people.
    """
    everything = np.ones(len(split.examples.labels), bool)
    chosen = {"all": everything, **_token_slices(split), **split.slices}
    return [
        _result(name, split, scores, examples, resamples, named)
        for name, examples in chosen.items()
        if name == "all" or examples.any()
    ]


def unknown_shares(split: JudgedSplit) -> dict[str, dict[str, float]]:
    """Returns the share of unknown lookups, by feature, then by model."""
    shares: dict[str, dict[str, float]] = {}
    for model, features in split.members.items():
        for feature, members in features.items():
            if model != RARE and members.lookups:
                unknown = 1 - members.inside / members.lookups
                shares.setdefault(feature, {})[model] = unknown
    return shares


def _token_slices(split: JudgedSplit) -> dict[str, np.ndarray]:
    """Returns the examples with ids new to the model in service, and with rare ones."""
    new = split.members.get(IN_SERVICE, {})
    rare = split.members.get(RARE, {})
    return {
        **{f"{name}: new ids": members.any_outside for name, members in new.items()},
        **{f"{name}: rare ids": members.any_inside for name, members in rare.items()},
    }


def _result(
    name: str,
    split: JudgedSplit,
    scores: Mapping[str, np.ndarray],
    chosen: np.ndarray,
    resamples: int,
    named: str,
) -> SliceResult:
    examples = split.examples.among(chosen)
    found = {
        model: scored(examples, given[chosen], resamples, named)
        for model, given in scores.items()
    }
    return SliceResult(
        name=name,
        examples=int(np.count_nonzero(chosen)),
        positives=float(examples.labels @ examples.weights),
        metrics={model: _measured(of) for model, of in found.items()},
        differences={
            model: _differences(found[CANDIDATE], of)
            for model, of in found.items()
            if model != CANDIDATE
        },
    )


def _measured(found: Scored) -> dict[str, Measured]:
    defined = {
        name: Measured(value=value, interval=_interval(found.resampled.get(name)))
        for name, value in found.values.items()
    }
    undefined = {
        name: Measured(value=None, undefined=why)
        for name, why in found.undefined.items()
    }
    return {**defined, **undefined}


def _differences(candidate: Scored, other: Scored) -> dict[str, Measured]:
    changes = {}
    both = [name for name in candidate.values if name in other.values]
    for name in both:
        values = candidate.values[name], other.values[name]
        drawn = candidate.resampled.get(name), other.resampled.get(name)
        changes[name] = _change(values, drawn)
        if name == "calibration":
            errors = abs(values[0] - 1), abs(values[1] - 1)
            of_drawn = tuple(None if d is None else np.abs(d - 1) for d in drawn)
            changes[CALIBRATION_ERROR] = _change(errors, of_drawn)
    return changes


def _change(
    values: tuple[float, float], drawn: tuple[np.ndarray | None, ...]
) -> Measured:
    one, other = drawn
    resampled = None if one is None or other is None else one - other
    return Measured(value=values[0] - values[1], interval=_interval(resampled))


def _interval(resampled: np.ndarray | None) -> Interval | None:
    ends = interval(resampled)
    return None if ends is None else Interval(low=ends[0], high=ends[1])
