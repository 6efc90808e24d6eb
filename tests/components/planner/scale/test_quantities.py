"""Quantities as text."""

import pytest

from shardline.components.planner.scale.quantities import Quantity, Unit, shown


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "bytes", "0 bytes"),
        (999, "bytes", "999 bytes"),
        (999.9, "bytes", "1 kB"),
        (2.048e12, "bytes", "2.05 TB"),
        (12.5e9, "bytes/s", "12.5 GB/s"),
        (3.52e-4, "s", "352 µs"),
        (90, "s", "1.5 min"),
        (3 * 86_400, "s", "3 days"),
        (1e9, "", "1 billion"),
        (4.023e12, "", "4,023 billion"),
        (0.25, "", "0.25"),
        (1.5, "cores", "1.5 cores"),
        (0.705, "share", "70.5 %"),
    ],
)
def test_value_has_three_digits_and_a_fitting_unit(
    value: float, unit: Unit, text: str
) -> None:
    assert Quantity("x", value, unit, "").text == shown(value, unit) == text
