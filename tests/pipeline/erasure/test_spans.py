"""Ids leave runs in spans, and the next span does not bring them back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import Finished

from shardline.components.contracts.living_vocabulary import load_vocabularies
from shardline.components.contracts.spans.state import load_state
from shardline.components.eraser.search import files_with
from shardline.components.span_examples.store import damage_of, load_stored

pytestmark = pytest.mark.slow
MOVIES = ("movie-0017", "movie-0021")
IDS = {name.encode() for name in MOVIES}


@pytest.fixture
def config(spans_config: Path, movielens_zip: Path, named_zip: Path) -> Path:
    """The configuration in spans, of ids that are distinctive."""
    text = spans_config.read_text().replace(str(movielens_zip), str(named_zip))
    text = text.replace("first: 1997-10", "first: 1998-02")
    path = named_zip.with_name("spans.yaml")
    path.write_text(text)
    return path


def rows(checkpoint: str, vocabularies: str) -> dict[str, list[float]]:
    """The rows of movies by token."""
    reader = tf.train.load_checkpoint(f"{checkpoint}/checkpoint")
    table = reader.get_tensor("embedding/movie/.ATTRIBUTES/VARIABLE_VALUE")
    tokens = Path(vocabularies, "movie").read_text().splitlines()
    return {token: table[row].tolist() for row, token in enumerate(tokens)}


def test_ids_leave_all_spans_and_stay_away(
    config: Path, shardline: Callable[..., Finished], tmp_path: Path
) -> None:
    root, ids = tmp_path / "run", tmp_path / "ids"
    ids.write_text("\n".join(MOVIES))
    first = shardline("run", config, "--output-dir", root)
    assert first.returncode == 0, "\n".join(first.lines)
    before = load_state(str(root / "serving"), "small_spans")
    assert before.base is not None
    learnt = rows(before.base.checkpoint, before.base.vocabularies)
    assert set(MOVIES) & learnt.keys()
    assert files_with(root, IDS)

    told = shardline(
        *("erase", config, "--feature", "movie_id"),
        *("--ids", ids, "--output-dir", root),
    )

    assert told.returncode == 0, "\n".join(told.lines)
    assert files_with(root, IDS) == []
    after = load_state(str(root / "serving"), "small_spans")
    assert after.base == before.base
    assert "1998-02" in after.erased
    kept = rows(before.base.checkpoint, before.base.vocabularies)
    for token, row in kept.items():
        assert row == learnt[token] if token in learnt else not np.any(row)
    assert len(kept.keys() - learnt.keys()) == 2
    said = load_vocabularies(before.base.vocabularies)
    assert said.erased >= 1
    stored = sorted((root / "artifacts" / "SpanExamples" / "spans").glob("*-v*"))
    assert stored
    assert {damage_of(str(folder)) for folder in stored} == {""}
    assert sum(load_stored(str(folder)).data_card.erased for folder in stored) > 0
    replayed = shardline(
        *("spans", "replay", config, "--from", "1998-03", "--output-dir", root)
    )
    assert replayed.returncode == 0, "\n".join(replayed.lines)
    anew = shardline("run", config, "--output-dir", root)

    assert "begins with step" in anew.text
    assert files_with(root, IDS) == []
    folders = (root / "artifacts" / "FeatureTransform" / "vocabularies").iterdir()
    newest = max(folders, key=lambda path: int(path.name))
    assert not set(MOVIES) & set((newest / "movie").read_text().splitlines())
