"""Compares numbers but for the last digits of sums, which go by the order of adding."""

from typing import Any

import pytest


def assert_equal(found: Any, expected: Any) -> None:
    """Compares what dicts and lists hold."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_equal(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_equal(*pair)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-12)
    else:
        assert found == expected
