"""What sections share: no unknown keys, and errors that carry faults."""

import pytest
from pydantic import ValidationError, model_validator

from shardline.configs.fault import Fault
from shardline.configs.section import CROSS_SECTION, Section, cross_section_error

FAULTS = [Fault(("a",), "holds {faults} and {message}"), Fault(("b",), "no", "do")]


class Faulty(Section):
    @model_validator(mode="after")
    def _refused(self) -> "Faulty":
        raise cross_section_error(FAULTS)


def test_validator_carries_faults_as_data() -> None:
    with pytest.raises(ValidationError) as raised:
        Faulty()

    (error,) = raised.value.errors()
    assert error["type"] == CROSS_SECTION
    assert error["ctx"]["faults"] == tuple(FAULTS)
    assert error["msg"].endswith("\nno; do")


def test_section_takes_no_unknown_key() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Section.model_validate({"a": 1})


class Part(Section):
    weight: float = 1.0


class Whole(Section):
    name: str
    part: Part = Part()
    limit: int | None = None


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (Whole(name="a", part=Part(weight=1.0)), '{"name":"a"}'),
        (Whole(name="a", part=Part(weight=2.0)), '{"name":"a","part":{"weight":2.0}}'),
    ],
)
def test_parameter_has_what_is_not_the_default(section: Whole, told: str) -> None:
    assert section.as_parameter() == told
    assert Whole.model_validate_json(told) == section
