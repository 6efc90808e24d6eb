"""Exported and published models: tokens, rows and examples leave, the graph stays.

What a served model answers for an erased id is then what it answers for any token that
it does not know.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from shardline.components.contracts.model_folder import (
    CARD_FILE,
    FINGERPRINT_FILE,
    VARIABLES_PREFIX,
    VOCABULARIES_FOLDER,
    WARMUP_FILE,
)
from shardline.components.contracts.parity_examples import model_parity
from shardline.components.eraser.graphs import free_assets
from shardline.components.eraser.parity import (
    erase_examples,
    erase_lookups,
    parity_examples,
)
from shardline.components.eraser.report import Change
from shardline.components.eraser.scope import Scope
from shardline.components.eraser.stored_rows import set_rows
from shardline.components.eraser.swap import replace
from shardline.components.exporter.model_card import sizes_of
from shardline.components.exporter.serving_model import write_model_fingerprint
from shardline.components.exporter.table_files import TableRows
from shardline.components.exporter.warmup import write_warmup
from shardline.embedding.checkpoint.index import index_entries
from shardline.embedding.serving.tables import encoded


def erase_from_model(
    copy: Path, scope: Scope, checkpoints: Mapping[str, str] | None = None
) -> Change:
    """Takes ids out of a model.

    Args:
        copy: a copy of the model's folder.
        scope: what is erased.
        checkpoints: what digests of checkpoints' indices became, for the model card.
    """
    freed = free_assets(copy / VOCABULARIES_FOLDER, scope)
    card = _card(copy)
    of_tokens = {name: of.erased for name, of in freed.items()}
    rows = {
        name: gone
        for name, gone in (scope.rows | of_tokens).items()
        if name in card["tables"]
    }
    reset = _reset_rows(copy, card, rows)
    parity = model_parity(copy)
    examples = erase_examples(parity, scope.erasure)
    lookups = erase_lookups(parity, rows)
    change = Change(
        tokens=sum(len(of.erased) for of in freed.values()),
        rows=reset,
        parity_examples=examples,
        parity_lookups=lookups,
        values=_renewed_warmup(copy, scope),
    )
    if change or card["checkpoint"]["digest"] in (checkpoints or {}):
        (copy / FINGERPRINT_FILE).unlink(missing_ok=True)
        write_model_fingerprint(str(copy))
        _renew_card(copy, card, checkpoints or {})
    return change


def _reset_rows(copy: Path, card: dict[str, Any], rows: Mapping[str, list[int]]) -> int:
    """Makes rows zeros, as each table holds them; returns how many were not."""
    prefix = str(copy / VARIABLES_PREFIX)
    held, wanted = set(index_entries(prefix)), {}
    for name, of_table in rows.items():
        described = card["tables"][name]
        table = TableRows(name, described["rows"], described["dim"], described["form"])
        zeros = encoded(table.precision, np.zeros((1, table.dim), np.float32))
        inside = [row for row in of_table if row < table.rows]
        for part, value in zeros.items():
            if inside and table.key_of(part).encode() in held:
                wanted[table.key_of(part)] = (inside, value[0])
    return max(set_rows(prefix, wanted).values(), default=0)


def _renewed_warmup(copy: Path, scope: Scope) -> int:
    """Makes requests of examples that are left, if one holds an id; returns how many.

    Without an example left there are no requests.
    """
    file = copy / WARMUP_FILE
    if not file.exists():
        return 0
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    ]
    requests = [log.predict_log.request for log in logs]
    touched = sum(
        any(map(scope.erasure.touches, request.inputs["examples"].string_val))
        for request in requests
    )
    if touched:
        file.unlink()
        if left := parity_examples(model_parity(copy)):
            write_warmup(copy, requests[0].model_spec.name, left, len(requests))
    return touched


def _card(copy: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((copy / CARD_FILE).read_text(encoding="utf-8"))
    return card


def _renew_card(
    copy: Path, card: dict[str, Any], checkpoints: Mapping[str, str]
) -> None:
    for vocabulary in card["vocabularies"].values():
        content = (copy / vocabulary["asset"]).read_bytes()
        vocabulary["sha256"] = hashlib.sha256(content).hexdigest()
    digest = card["checkpoint"]["digest"]
    card["checkpoint"]["digest"] = checkpoints.get(digest, digest)
    card["sizes"] = sizes_of(copy, card["sizes"]["tables"]).model_dump()
    replace(copy / CARD_FILE, (json.dumps(card, indent=2) + "\n").encode())
