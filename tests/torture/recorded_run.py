"""A training whose files are recorded: `recorder.c` is loaded into this process.

Run as a program, with the folder of the sets and the last step. It goes on from the
newest set, saves every few steps, and puts into the record which sets were reported
durable.
"""

import ctypes
import sys

import small_training

from shardline.embedding import configure_logical_hosts
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.restore import restore_newest
from shardline.embedding.checkpoint.sets.saved import SavedSet
from shardline.embedding.checkpoint.sets.saver import SetSaver

_SAVE_EVERY = 3
_PIN_EVERY = 12


def note(text: str) -> None:
    """Puts a line into the record."""
    ctypes.CDLL(None).shardline_note(text.encode())


def on_saved(saved: SavedSet) -> None:
    """Notes that a set is durable."""
    note(f"durable {saved.step} {int(saved.step % _PIN_EVERY == 0)}")


def main(path: str, last_step: int) -> None:
    """Trains, saves and unpins."""
    configure_logical_hosts(len(small_training.HOSTS))
    training = small_training.SmallTraining()
    folder = SetFolder(path)
    restored = restore_newest(
        folder,
        training.engine,
        training.variables,
        lineage=training.lineage,
        on_damaged=lambda name, why: sys.exit(f"{name}: {why}"),
    )
    saver = SetSaver(
        path,
        training.engine,
        lineage=training.lineage,
        keep=training.keep,
        parent=restored.checkpoint_set if restored else None,
        on_saved=on_saved,
    )
    with saver:
        while training.step < last_step:
            training.train(_SAVE_EVERY)
            pinned = training.step % _PIN_EVERY == 0
            saver.save(training.step, training.variables, training.state, pinned=pinned)
            saver.wait()
            for one in folder.sets():
                if one.is_pinned and one.step <= training.step - _PIN_EVERY:
                    note(f"unpinned {one.step}")
                    saver.unpin(one.name)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
