"""Which tokens a served model knows, and which of a living vocabulary are rare."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shardline.components.contracts.living_vocabulary import FREE_LINE
from shardline.components.contracts.model_folder import CARD_FILE

# Tokens are rare whose count is at most that of so many of all.
_RARE_QUANTILE = 0.5
# TensorFlow Transform's line of a vocabulary without tokens, and those of free rows.
_NO_TOKEN = FREE_LINE.partition(" ")[0].encode()

# By table, its tokens: large_binary [n].
Tokens = Mapping[str, pa.Array]


def model_tokens(folder: str | Path) -> dict[str, pa.Array]:
    """Returns the tokens that a served model knows, of each table with a vocabulary.

    Args:
        folder: the model folder, local. Of one without a model card nothing is known.
    """
    try:
        card = json.loads(Path(folder, CARD_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {
        table: _lines(Path(folder, vocabulary["asset"]))
        for table, vocabulary in card["vocabularies"].items()
    }


def rare_tokens(folder: str | Path) -> dict[str, pa.Array]:
    """Returns the rarer half of the tokens that have a row, of each living vocabulary.

    A table whose tokens are all equally frequent has none.

    Args:
        folder: of a LivingVocabulary, local.
    """
    suffix = ".tokens.parquet"
    found = {}
    for file in sorted(Path(folder).glob(f"*{suffix}")):
        state = pq.read_table(
            file, columns=["row", "token", "count"], pre_buffer=False, use_threads=False
        )
        is_live = state["row"].to_numpy() >= 0
        counts = state["count"].to_numpy()[is_live]
        if not len(counts):
            continue
        is_rare = counts <= np.quantile(counts, _RARE_QUANTILE)
        if not is_rare.all():
            tokens = state["token"].combine_chunks().cast(pa.large_binary())
            positions = np.flatnonzero(is_live)[is_rare]
            found[file.name.removesuffix(suffix)] = tokens.take(pa.array(positions))
    return found


def _lines(path: Path) -> pa.Array:
    lines = path.read_bytes().split(b"\n")
    tokens = [line for line in lines[:-1] if not line.startswith(_NO_TOKEN)]
    return pa.array(tokens, pa.large_binary())
