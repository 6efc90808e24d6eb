"""What messages say to do about values that a column cannot use."""

import re

import pyarrow as pa
import pytest

from shardline.components.readers.files.judging.remedies import (
    FOR_ANY,
    FOR_PAIRED,
    Remedies,
    rewritten,
    short,
)


@pytest.mark.parametrize(
    ("stored", "needed", "said"),
    [
        (pa.struct([("a", pa.int64())]), "int64", "column of its own"),
        (pa.timestamp("us"), "int64", "seconds since 1970"),
        (pa.timestamp("us"), "string", "^Write it as strings.$"),
        (pa.binary(4), "string", "^Write it as strings.$"),
        (pa.string(), "float", "^Write numbers.$"),
        (
            pa.int64(),
            "string",
            "^Say the `dtype` that the file has, or write strings.$",
        ),
        (pa.float64(), "string", "`dtype: int64` takes whole numbers"),
        (pa.string(), "int64", "or write whole numbers.$"),
    ],
    ids=str,
)
def test_values_of_another_type_have_a_remedy(
    stored: pa.DataType, needed: str, said: str
) -> None:
    assert re.search(said, rewritten(stored, needed))


def test_remedy_of_a_type_is_the_one_of_the_use_if_it_has_one() -> None:
    assert FOR_ANY.of_type("float") == "Write numbers."
    assert FOR_PAIRED.of_type("string").startswith("Write strings in UTF-8, or ")
    assert Remedies("", "", other="Write 0 or 1.").of_type("float") == "Write 0 or 1."


def test_long_types_are_cut() -> None:
    long = pa.struct([(f"field_{n}", pa.int64()) for n in range(20)])

    assert short(pa.int64()) == "int64"
    assert len(short(long)) == 60
    assert short(long).endswith(" ...")
