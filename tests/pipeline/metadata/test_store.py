"""How a metadata store is reached."""

from typing import Any

from shardline.pipeline.metadata.store import sqlite_connection, tfx_metadata


def test_tfx_reads_the_same_store(runner: Any) -> None:
    with tfx_metadata(sqlite_connection(runner.metadata)) as handle:
        assert len(handle.store.get_executions()) == 4
