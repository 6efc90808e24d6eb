"""What a column of raw examples holds."""

from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

Dtype = Literal["string", "int64", "float"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Column:
    """One column of raw examples.

    Attributes:
        dtype: the type of its values; a string is stored as UTF-8 bytes.
        ragged: False: one value an example. True: any number, none included.
        optional: whether an example may lack the one value.
    """

    dtype: Dtype
    ragged: bool = False
    optional: bool = False

    def __str__(self) -> str:
        """Returns what an example holds, in words."""
        if self.ragged:
            return f"any number of {self.dtype} values"
        return f"one {self.dtype}"
