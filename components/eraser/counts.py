"""Counts of tokens that FeatureTransform keeps: those with an id are removed.

The span is counted again when its counts are needed.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from shardline.components.eraser.scope import Scope
from shardline.components.features.analysis.vocabulary import read_counts

_FOLDERS = "counts-*"


def counts_with_ids(folder: Path, scope: Scope) -> Iterator[Path]:
    """Yields the folders of counts that hold an id.

    Args:
        folder: where counts are kept.
        scope: what is erased.
    """
    for kept in sorted(folder.glob(_FOLDERS)):
        if any(_holds(file, scope) for file in sorted(kept.iterdir())):
            yield kept


def _holds(file: Path, scope: Scope) -> bool:
    table = file.name.rpartition("-")[0]
    if table not in scope.tables:
        return False
    try:
        tokens = read_counts(str(file)).column("token")
    except (pa.ArrowInvalid, KeyError):
        return False  # a damaged one is counted again anyway
    return any(scope.is_erased(table, token.as_py()) for token in tokens)
