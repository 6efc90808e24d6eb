"""Arrays of bytes: their content as a whole, and blanks cut off."""

import pyarrow as pa
import pytest

from shardline.components.readers.files.columns.byte_arrays import content_of, stripped


@pytest.mark.parametrize("values", [[], [b""], [b"a", b"", "é".encode(), b"\xff"]])
def test_content_is_all_values_one_after_another(values: list[bytes]) -> None:
    assert content_of(pa.array(values, pa.large_binary())) == b"".join(values)


def test_content_of_a_slice_is_of_its_values() -> None:
    assert content_of(pa.array([b"a", b"bc", b"d"], pa.large_binary()).slice(1, 1)) == (
        b"bc"
    )


def test_blanks_around_values_are_cut_off_whatever_the_bytes_are() -> None:
    values = pa.array([b" a b\t", b"\n\xff\r", b"\v\f"], pa.large_binary())

    assert stripped(values).to_pylist() == [b"a b", b"\xff", b""]


def test_values_without_blanks_stay_as_they_are() -> None:
    values = pa.array([b"a", b"b"], pa.large_binary())

    assert stripped(values) is values
