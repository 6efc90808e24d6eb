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
