"""What a trial of precisions says of an exported model, and what then comes true."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.exporter.quantization import measurement, program
from shardline.components.exporter.quantization.measurement import Candidates, measure
from shardline.configs.schema import Target

EXAMPLES = 300


def example(draw: np.random.Generator) -> bytes:
    """An example with random ids, and a label that follows from one of them."""
    item = int(draw.integers(50))
    made = tf.train.Example()
    feature = made.features.feature
    feature["label"].float_list.value.append(item % 2)
    feature["item"].int64_list.value.append(item)
    feature["shop"].int64_list.value.append(int(draw.integers(40)))
    feature["day"].int64_list.value.append(int(draw.integers(7)))
    for name, rows in (("bought", 50), ("seen", 50), ("shops", 40), ("days", 7)):
        ids = draw.integers(rows, size=draw.integers(4))
        feature[name].int64_list.value.extend(ids.tolist())
    words = draw.integers(31, size=2)
    feature["words"].int64_list.value.extend(words.tolist())
    feature["counts"].float_list.value.extend([1.0, 2.0])
    prices = draw.uniform(size=len(feature["bought"].int64_list.value))
    feature["prices"].float_list.value.extend(prices.tolist())
    return made.SerializeToString()


def test_trial_foretells_what_the_exported_model_does(
    exported: Any,
    compact: Any,
    write_records: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(measurement, "_outcomes", program.outcomes)
    monkeypatch.setattr(program, "_TIMED_REQUESTS", {1: 2, 256: 2})
    draw = np.random.default_rng(5)
    records = [example(draw) for _ in range(EXAMPLES)]
    split = [write_records(tmp_path / "split.gz", records)]
    (item, *others) = compact.precisions.items()
    candidates = Candidates(1.0, fixed=dict(others), precisions={item[0]: [item[1]]})
    trials = []

    base = measure(str(exported.folder), split, Target(), candidates, trials.append)
    rounded = measure(str(compact.folder), split, Target())

    (trial,) = trials
    assert (trial.table, trial.precision, trial.kept) == (*item, True)
    assert base.examples == EXAMPLES
    assert abs(trial.increase) > 1e-6
    increase = rounded.normalized_entropy / base.normalized_entropy - 1
    assert trial.increase == pytest.approx(increase, abs=1e-7)
