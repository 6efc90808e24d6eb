"""Evaluation splits of float columns."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf


@pytest.fixture
def write_columns(
    write_records: Callable[..., str], tmp_path: Path
) -> Callable[..., str]:
    """Writes examples of float columns; None leaves a value out."""

    def write(**columns: list[float | None]) -> str:
        records = []
        for values in zip(*columns.values(), strict=True):
            example = tf.train.Example()
            for name, value in zip(columns, values, strict=True):
                if value is not None:
                    example.features.feature[name].float_list.value.append(value)
            records.append(example.SerializeToString())
        return write_records(tmp_path / "split.gz", records)

    return write
