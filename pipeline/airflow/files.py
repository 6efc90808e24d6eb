"""The file of a DAG, which Airflow may read while it is written."""

import os
from pathlib import Path

from shardline.components.contracts.text_file import write_text
from shardline.pipeline.airflow.dag import DagError
from shardline.pipeline.airflow.parts import MARK


def write_dag(path: Path, text: str) -> None:
    """Writes the file of a DAG in one piece; it may replace one that was written so.

    Args:
        path: the file.
        text: its content.

    Raises:
        DagError: if the file cannot be written, or another one is there.
    """
    if path.suffix != ".py":
        raise DagError(f"Airflow reads DAGs from files *.py, and {path} is none.")
    try:
        if path.exists() and MARK not in path.read_text(encoding="utf-8"):
            raise DagError(
                f"{path} is there and was not written by this command. Remove it, or "
                "choose another file with --output."
            )
        write_text(str(path.parent), path.name, text)
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else error
        raise DagError(
            f"The DAG file {path} cannot be written: {reason}. Choose another with "
            "--output."
        ) from error
