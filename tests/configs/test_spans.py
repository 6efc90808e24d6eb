"""What a configuration may say of spans."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.spans import Spans


def test_spans_need_no_words() -> None:
    spans = Spans()

    assert (spans.window, spans.begin, spans.missing) == (1, "oldest", "wait")
    assert (spans.column, spans.every, spans.first) == (None, None, None)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"window": 0}, "greater than 0"),
        ({"every": "fortnight"}, "'hour', 'day', 'week', 'half_month' or 'month'"),
        ({"missing": "ignore"}, "'wait', 'skip' or 'fail'"),
        ({"begin": "now"}, "'oldest' or 'newest'"),
        ({"column": ""}, "at least 1 character"),
        ({"last": "2026"}, "Extra inputs are not permitted"),
    ],
)
def test_other_words_are_refused(told: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Spans(**told)
