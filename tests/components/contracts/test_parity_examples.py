"""The parity files, read back by what replays them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from shardline.components.contracts.parity_examples import (
    EXAMPLES_FILE,
    SCORES_FILE,
    parity_folder,
    write_parity,
)


def test_examples_and_scores_come_back_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "parity"
    scores = np.array([0.25, 0.5], np.float32)

    write_parity(folder, [b"first", b""], scores)

    dataset = tf.data.TFRecordDataset(str(folder / EXAMPLES_FILE))
    assert list(dataset.as_numpy_iterator()) == [b"first", b""]
    loaded = np.load(folder / SCORES_FILE)
    np.testing.assert_array_equal(loaded, scores)
    assert loaded.dtype == np.float32


def test_folder_lies_in_the_checkpoint() -> None:
    assert parity_folder("/checkpoint") == Path("/checkpoint/parity")
