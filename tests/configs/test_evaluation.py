"""What a configuration may say of evaluation."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.evaluation import Evaluation, Regression


def test_floor_alone_compares_with_nothing() -> None:
    evaluation = Evaluation(min_auc=0.7)

    assert evaluation.on is None
    assert evaluation.regression is None
    assert evaluation.when_refused == "stop"
    assert Regression() == Regression(
        auc=0.005, normalized_entropy=0.01, calibration=0.2, suspicious_auc=0.1
    )


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"held_out": 0}, "greater than 0"),
        ({"held_out": 1}, "less than 1"),
        ({"bootstrap": -1}, "greater than or equal to 0"),
        ({"bootstrap": True}, "should be a number"),
        ({"regression": {"auc": -0.1}}, "greater than or equal to 0"),
        ({"on": "tomorrow"}, "'split', 'next_span' or 'held_out'"),
        ({"when_refused": "retry"}, "'stop' or 'skip'"),
        ({"group_by": ""}, "at least 1 character"),
    ],
)
def test_other_values_are_refused(told: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Evaluation(min_auc=0.7, **told)
