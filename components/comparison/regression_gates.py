"""Gates that compare the candidate with the model in service.

A gate is closed if the candidate is worse by more than the margin as measured, and the
95 % interval of the difference leaves no doubt that it is worse at all. With
`evaluation.bootstrap: 0` there is no interval, and what is measured decides; where too
few groups or examples leave none, nothing can be told, and the gate is open.

    in_service                      the model in service could be compared
    regression.auc                  the fall of AUC
    regression.grouped_auc          the fall of AUC within groups
    regression.normalized_entropy   the rise of normalized entropy
    regression.calibration          how far scores are off, and further than in service
    suspicious_auc                  a rise of AUC as of a label that leaked
"""

import dataclasses

from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    IN_SERVICE,
    Measured,
    SliceResult,
)
from shardline.components.contracts.validation import Gate
from shardline.configs.schema import Regression

# Of two models: how much further the calibration of one is off 1.
CALIBRATION_ERROR = "calibration_error"
_SHOWN = {
    "auc": "AUC",
    "grouped_auc": "grouped AUC",
    "normalized_entropy": "normalized entropy",
    "calibration": "calibration",
}
_REMEDY = (
    "See what has changed in the data and in the configuration; raise the margin if it "
    "is too narrow, or publish with --force."
)


def in_service_gate(version: str, why_not: str) -> Gate:
    """Judges whether there is something to compare with.

    Args:
        version: of the model in service; "" if there is none.
        why_not: why it cannot be compared; "" if it can.
    """
    if why_not:
        why = (
            f"version {version} is in service and cannot score the examples to judge "
            f"on, so that nothing tells whether the candidate is better: {why_not}. If "
            "the data or the features have changed for good, publish once with --force."
        )
        return Gate(gate="in_service", passes=False, why=why)
    why = "no model is in service yet"
    if version:
        why = f"version {version} is in service and was compared"
    return Gate(gate="in_service", passes=True, why=why)


def regression_gates(
    result: SliceResult, margins: Regression, version: str, *, has_intervals: bool
) -> list[Gate]:
    """Judges a candidate beside the model in service.

    Args:
        result: of all examples, with both models.
        margins: what is allowed.
        version: of the model in service.
        has_intervals: whether confidence intervals were asked for.
    """
    found = _Found(result, version, has_intervals)
    gates = [found.fall("auc", margins.auc)]
    if "grouped_auc" in result.metrics[CANDIDATE]:
        gates.append(found.fall("grouped_auc", margins.auc, "auc"))
    return [
        *gates,
        found.fall("normalized_entropy", margins.normalized_entropy),
        found.calibration(margins.calibration),
        found.rise(margins.suspicious_auc),
    ]


@dataclasses.dataclass(frozen=True)
class _Found:
    """What was measured of both."""

    result: SliceResult
    version: str
    has_intervals: bool

    def fall(self, metric: str, margin: float, setting: str = "") -> Gate:
        """Judges how much worse a metric is."""
        gate = f"regression.{metric}"
        if refused := self._undefined(metric, gate):
            return refused
        change = self.result.differences[IN_SERVICE][metric]
        sign = 1 if metric == "normalized_entropy" else -1
        worse, least = _worse(change, sign)
        why = self._beside(metric, change)
        if self._leaves_open(least):
            why += f"; {_TOO_FEW}"
            return Gate(gate=gate, passes=True, value=worse, limit=margin, why=why)
        passes = not (worse > margin and (least is None or least > 0))
        if not passes:
            why += (
                f". At most {margin:g} worse is allowed (evaluation.regression."
                f"{setting or metric}). {_REMEDY}"
            )
        return Gate(gate=gate, passes=passes, value=worse, limit=margin, why=why)

    def calibration(self, margin: float) -> Gate:
        """Judges how far scores are off, where the model in service is closer."""
        gate = "regression.calibration"
        if refused := self._undefined("calibration", gate):
            return refused
        value = self.result.metrics[CANDIDATE]["calibration"].value or 0.0
        change = self.result.differences[IN_SERVICE][CALIBRATION_ERROR]
        worse, least = _worse(change, 1)
        off = abs(value - 1)
        why = self._beside("calibration")
        if self._leaves_open(least):
            why += f"; {_TOO_FEW}"
            return Gate(gate=gate, passes=True, value=off, limit=margin, why=why)
        is_further = worse > 0 and (least is None or least > 0)
        passes = not (off > margin and is_further)
        if not passes:
            why += (
                f". It may be off 1 by at most {margin:g} (evaluation.regression."
                f"calibration), unless the model in service is further off. {_REMEDY}"
            )
        return Gate(gate=gate, passes=passes, value=off, limit=margin, why=why)

    def rise(self, margin: float) -> Gate:
        """Judges whether AUC is too good to be true."""
        gate = "suspicious_auc"
        if refused := self._undefined("auc", gate):
            return refused
        change = self.result.differences[IN_SERVICE]["auc"]
        better, least = _worse(change, 1)
        why = self._beside("auc", change)
        passes = self._leaves_open(least) or not (
            better > margin and (least is None or least > 0)
        )
        if not passes:
            why += (
                f". A rise of more than {margin:g} (evaluation.regression."
                "suspicious_auc) is that of a label that leaked into a column. See "
                "which columns are known only once the label is; if the rise is real, "
                "publish with --force."
            )
        return Gate(gate=gate, passes=passes, value=better, limit=margin, why=why)

    def _undefined(self, metric: str, gate: str) -> Gate | None:
        """Returns the verdict where a metric is not defined for both."""
        candidate = self.result.metrics[CANDIDATE][metric]
        served = self.result.metrics[IN_SERVICE][metric]
        if served.value is None:
            why = f"{_SHOWN[metric]} of the model in service is undefined"
            return Gate(gate=gate, passes=True, why=f"{why}: {served.undefined}")
        if candidate.value is None:
            why = (
                f"{_SHOWN[metric]} of the candidate is undefined: "
                f"{candidate.undefined}; that of version {self.version}, in service, "
                f"is {served.value:.4f}. See what training says, and train anew."
            )
            return Gate(gate=gate, passes=False, why=why)
        return None

    def _leaves_open(self, least: float | None) -> bool:
        return self.has_intervals and least is None

    def _beside(self, metric: str, change: Measured | None = None) -> str:
        """Returns what was measured, in words."""
        candidate = self.result.metrics[CANDIDATE][metric].value or 0.0
        served = self.result.metrics[IN_SERVICE][metric].value or 0.0
        words = (
            f"{_SHOWN[metric]} is {candidate:.4f}, and {served:.4f} of version "
            f"{self.version}, in service"
        )
        if change is None:
            return words
        words += f": {change.value or 0.0:+.4f}"
        if change.interval:
            low, high = change.interval.low, change.interval.high
            words += f" ({low:+.4f} to {high:+.4f} by 95 % interval)"
        return words


_TOO_FEW = "too few groups or examples to tell"


def _worse(change: Measured, sign: int) -> tuple[float, float | None]:
    """Returns how much worse, and how much at least, by the interval if there is one.

    Args:
        change: of the metric.
        sign: -1 if a fall of it is worse.
    """
    worse = sign * (change.value or 0.0)
    if change.interval is None:
        return worse, None
    return worse, min(sign * change.interval.low, sign * change.interval.high)
