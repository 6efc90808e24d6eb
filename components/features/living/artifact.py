"""Puts the vocabularies that a job wrote into a LivingVocabulary artifact."""

import os
from collections.abc import Mapping

import tensorflow as tf

from shardline.components.contracts.living_state import (
    changes_file,
    state_file,
    tokens_file,
)
from shardline.components.contracts.living_vocabulary import (
    LivingVocabularies,
    TableChanges,
)
from shardline.components.features.living.counting import Counting
from shardline.components.features.living.files import check_table


def save_vocabularies(
    folder: str, written: str, tables: Mapping[str, TableChanges], counting: Counting
) -> LivingVocabularies:
    """Copies the files of all tables, checks the copies, and says what they are.

    Args:
        folder: of the artifact.
        written: where the job wrote the files.
        tables: what became of each table.
        counting: what was counted, and into what.

    Raises:
        VocabularyError: if a copy is not what was written.
    """
    tf.io.gfile.makedirs(folder)
    for table, changes in tables.items():
        for name in (tokens_file(table), state_file(table), changes_file(table)):
            source, target = os.path.join(written, name), os.path.join(folder, name)
            tf.io.gfile.copy(source, target, overwrite=True)
        check_table(folder, table, changes)
    return LivingVocabularies(
        tables=dict(sorted(tables.items())),
        spans=counting.spans,
        updates=counting.age,
        parent=counting.base.digest if counting.base else None,
        erased=counting.base.erased if counting.base else 0,
    ).save(folder)
