"""How a vocabulary may be told to live."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.living import Living


def test_by_default_it_grows_and_nobody_goes() -> None:
    living = Living()

    assert (living.capacity, living.grow_by, living.decay) == (None, None, 1.0)
    assert (living.evict_after, living.evict_below) == (None, None)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"capacity": 0}, "greater than 0"),
        ({"grow_by": -1}, "greater than 0"),
        ({"decay": 0.0}, "greater than 0"),
        ({"decay": 1.1}, "less than or equal to 1"),
        ({"decay": "nan"}, "Input should be"),
        ({"evict_after": 0}, "greater than 0"),
        ({"evict_below": 2.0}, "`evict_below` needs a `decay` below 1"),
        ({"evict_below": 0.0, "decay": 0.5}, "greater than 0"),
        ({"when_full": "newest"}, "'oldest', 'rarest' or 'nobody'"),
        ({"admitted": "zeros"}, "'initializer', 'oov_row' or 'mean'"),
        ({"capcity": 3}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Living(**keys)
