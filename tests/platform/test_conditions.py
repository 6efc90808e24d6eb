"""Conditions are judged as the platforms judge them."""

from typing import Any

import pytest
from shardline_tests import load

conditions = load("platform/conditions.py")
pytestmark = pytest.mark.orchestration

INPUTS: dict[str, Any] = {
    "artifacts": {
        "plan": {
            "artifacts": [
                {"uri": "gs://b/plan", "metadata": {"due": 1.0, "spans": "a && b"}}
            ]
        }
    }
}
DUE = "inputs.artifacts['plan'].artifacts[0].metadata['due']"
SPANS = "inputs.artifacts['plan'].artifacts[0].metadata['spans']"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (f"({DUE} == 1.0)", True),
        (f"({DUE} == 0.0)", False),
        (f"!(({DUE} == 0.0))", True),
        (f"({DUE} < 2.0) && ({DUE} > 1.0)", False),
        (f"(({DUE} < 2.0) || ({DUE} > 1.0))", True),
        (f"({SPANS} == 'a && b')", True),
        ("(inputs.artifacts['plan'].artifacts[0].uri == 'gs://b/plan')", True),
    ],
)
def test_condition_holds_or_does_not(condition: str, holds: bool) -> None:
    assert conditions.holds(condition, INPUTS) is holds


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("(inputs.artifacts['_Planner.plan'].artifacts[0].uri == '')", "_Planner.plan"),
        ("(inputs.artifacts['plan'].artifacts[1].uri == '')", "IndexError"),
        (f"({DUE} == '1')", "two types"),
        (DUE, "neither true nor false"),
        (f"{DUE} ==", "SyntaxError"),
        (f"has({DUE})", "does not write"),
    ],
)
def test_what_a_platform_cannot_judge_is_an_error(condition: str, why: str) -> None:
    with pytest.raises(conditions.ConditionError, match=why):
        conditions.holds(condition, INPUTS)
