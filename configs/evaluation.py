"""What a model must reach to be published, and what it is compared with."""

from typing import Annotated, Literal

from pydantic import Field

from shardline.configs.section import Float, Fraction, Integer, Section

_Margin = Annotated[Float, Field(ge=0)]


class Regression(Section):
    """How much worse than the model in service a candidate may be.

    A candidate is refused if it is worse by more than a margin as measured, and by the
    whole confidence interval of the difference it is worse at all.
    """

    # The fall of AUC, and of AUC grouped by `evaluation.group_by`.
    auc: _Margin = 0.005
    # The rise of normalized entropy.
    normalized_entropy: _Margin = 0.01
    # How far the sum of scores over the positives may be off 1, if the model in service
    # is closer, by the whole interval.
    calibration: _Margin = 0.2
    # A rise of AUC above this is no progress, but a label that leaked.
    suspicious_auc: _Margin = 0.1


class Evaluation(Section):
    """What a model must reach on examples that it has not seen to be published."""

    min_auc: Fraction
    # `next_span`: a model is judged, and published, when the span after those it was
    # trained on is there. `held_out`: on the last part of the newest span. Both are for
    # data in spans; default: `next_span` there, else split "eval".
    on: Literal["split", "next_span", "held_out"] | None = None
    # The part of the newest span, by time, that `held_out` judges on.
    held_out: Annotated[Fraction, Field(gt=0, lt=1)] = 0.2
    # Margins against the model in service; None: it is not compared. With data in spans
    # it is, by the defaults.
    regression: Regression | None = None
    # A raw column, such as the user's, within whose values AUC is taken and averaged
    # (grouped AUC), and which bootstrap resamples draw whole.
    group_by: str | None = Field(default=None, min_length=1)
    # Raw columns by whose values metrics are shown, too.
    slices: tuple[str, ...] = ()
    # How many resamples the confidence intervals are of; 0: none are computed.
    bootstrap: Annotated[Integer, Field(ge=0)] = 200
    # What the next run does once a model was refused: nothing until a person decides
    # (`shardline spans`), or go on without its spans.
    when_refused: Literal["stop", "skip"] = "stop"
