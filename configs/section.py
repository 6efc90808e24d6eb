"""What every section of a configuration is made of."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shardline.configs.fault import Fault

# The type of pydantic's error for faults between sections; its context has them.
CROSS_SECTION = "cross_section"

_IMPORT_PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
_NAME = r"^[a-z][a-z0-9_]*$"
_INPUT_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
# What is expected where a pattern does not fit, in words.
PATTERNS_IN_WORDS = {
    _IMPORT_PATH: "an import path is written package.module.Name",
    _NAME: "a name has lower case letters, digits and underscores, the first a letter",
    _INPUT_NAME: "a name has ASCII letters, digits and underscores, the first a letter",
}

ImportPath = Annotated[str, Field(pattern=_IMPORT_PATH)]
Name = Annotated[str, Field(pattern=_NAME)]
InputName = Annotated[str, Field(pattern=_INPUT_NAME)]


def _not_a_boolean(value: Any) -> Any:
    """Refuses `true`, `yes` and the like, which pydantic takes for 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("no_number", "Input should be a number")
    return value


Integer = Annotated[int, BeforeValidator(_not_a_boolean)]
Float = Annotated[float, BeforeValidator(_not_a_boolean)]
PositiveInt = Annotated[Integer, Field(gt=0)]
PositiveFloat = Annotated[Float, Field(gt=0)]
Fraction = Annotated[Float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the configuration: no unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def as_parameter(self) -> str:
        """Returns it as JSON for a component, without what is the default anyway.

        A platform hands all that a step is told to its container in one argument, which
        Linux takes up to 128 KiB: 1,000 features, or 200 with all defaults written out.
        """
        return self.model_dump_json(exclude_defaults=True)


def cross_section_error(faults: Sequence[Fault]) -> PydanticCustomError:
    """Returns the error that carries faults between sections out of a validator.

    Args:
        faults: at least one.
    """
    message = "\n".join(fault.text for fault in faults)
    context = {"message": message, "faults": tuple(faults)}
    return PydanticCustomError(CROSS_SECTION, "{message}", context)
