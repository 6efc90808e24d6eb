"""Transform graphs: erased tokens leave vocabularies, and no other token moves."""

import functools
from pathlib import Path

from shardline.components.contracts.file_record import FileRecord, record_files
from shardline.components.eraser.report import Change
from shardline.components.eraser.scope import Scope
from shardline.components.eraser.swap import replace
from shardline.components.eraser.vocabulary_lines import (
    FreedRows,
    free_lines,
    freed_rows,
)
from shardline.components.features.graph.writer import GRAPH_FILES

_ASSETS = Path("transform_fn", "assets")


def erase_from_graph(copy: Path, scope: Scope) -> Change:
    """Takes tokens out of a graph's vocabularies.

    Args:
        copy: a copy of the graph's folder.
        scope: what is erased.
    """
    erased = {
        name: len(freed.erased)
        for name, freed in free_assets(copy / _ASSETS, scope).items()
    }
    if any(erased.values()) and (copy / GRAPH_FILES).exists():
        files = dict(record_files(str(copy)).files)
        del files[GRAPH_FILES]
        replace(copy / GRAPH_FILES, FileRecord(files).to_json().encode())
    return Change(tokens=sum(erased.values()))


def erased_rows(folder: Path, scope: Scope) -> dict[str, list[int]]:
    """Returns by table the rows of tokens that the scope erases.

    Args:
        folder: a graph's folder, which is not changed.
        scope: what is erased.
    """
    return scope.rows | {name: of.erased for name, of in _freed(folder, scope).items()}


def free_rows(folder: Path, scope: Scope) -> dict[str, list[int]]:
    """Returns likewise the rows that have no token then, which no example refers to."""
    return {name: of.free for name, of in _freed(folder, scope).items()}


def _freed(folder: Path, scope: Scope) -> dict[str, FreedRows]:
    return {
        file.name: freed_rows(file, functools.partial(scope.is_erased, file.name))
        for file in _files(folder / _ASSETS)
    }


def free_assets(assets: Path, scope: Scope) -> dict[str, FreedRows]:
    """Takes tokens out of the vocabulary files of a model or a graph.

    Args:
        assets: the folder of the files, in a copy.
        scope: what is erased.

    Returns:
        By name of the file, its rows without a token.
    """
    return {
        file.name: free_lines(file, functools.partial(scope.is_erased, file.name))
        for file in _files(assets)
    }


def _files(assets: Path) -> list[Path]:
    return sorted(assets.iterdir()) if assets.is_dir() else []
