"""Keys found by their hashes, which may be bad ones, against a dictionary."""

import random
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files.joins import keys as key_rules
from shardline.components.readers.files.joins.key_index import KeyIndex


def _constant(keys: pa.Array) -> np.ndarray:
    return np.full(len(keys), 7, np.uint64)


def _by_length(keys: pa.Array) -> np.ndarray:
    return np.array([len(k) for k in keys.to_pylist()], np.uint64)


HASHES = [key_rules.hashes_of, _constant, _by_length]


def _index(texts: list[bytes]) -> KeyIndex:
    keys = pa.array(texts, pa.large_binary())
    return KeyIndex(keys, key_rules.hashes_of(keys))


@pytest.mark.parametrize("hashes", HASHES)
@pytest.mark.parametrize("seed", range(5))
def test_keys_are_found_whatever_their_hashes(
    hashes: Callable, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rules, "hashes_of", hashes)
    rng = random.Random(seed)
    texts = [str(n).encode() for n in rng.sample(range(500), 60)]
    rows = {text: row for row, text in enumerate(texts)}
    asked = [str(rng.randrange(500)).encode() for _ in range(200)]
    index = _index(texts)
    found = index.find(pa.array(asked, pa.large_binary()))
    assert found.tolist() == [rows.get(text, -1) for text in asked]
    assert index.doubled() is None
    assert index.find(pa.array([], pa.large_binary())).tolist() == []


@pytest.mark.parametrize("hashes", HASHES)
def test_the_first_doubled_key_is_told(
    hashes: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rules, "hashes_of", hashes)
    assert _index([b"a", b"b", b"c", b"b", b"a", b"b"]).doubled() == (1, 3)
