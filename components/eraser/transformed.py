"""Transformed examples: made anew of raw ones, by the graph that made them."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.components.contracts.data_card import (
    erased_since,
    is_of_files,
    tell_erased,
)
from shardline.components.eraser.example_files import count_examples, records_of
from shardline.components.execution.beam_runners import Beam
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.features.executor import sources_of
from shardline.components.features.graph.writer import SPECIFICATION
from shardline.components.features.job import staging_folder
from shardline.components.features.reading.sources import Examples
from shardline.components.features.transform_job import transform
from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files import tfrecord_settings
from shardline.components.readers.files.read_settings import crosses_of, pairs_of
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Preprocessing

_VALUES = "$ragged_values"


def is_stale(
    folder: Path, raw: Sequence[Path], graph: Path, rows: Mapping[str, Sequence[int]]
) -> bool:
    """Returns whether transformed examples are others than the raw ones make now.

    Args:
        folder: of the transformed Examples.
        raw: the folders of the raw ones.
        graph: the folder of the graph.
        rows: by table, those that no token has, which none may refer to.
    """
    counted, found = count_examples([folder]), count_examples(raw)
    return counted != found or _refers_to(folder, _ids(graph, rows))


def transform_anew(copy: Path, raw: Sequence[Any], graph: Path) -> int:
    """Writes the transformed examples of raw ones; returns how many there are.

    Args:
        copy: a copy of the folder of the transformed Examples.
        raw: the raw Examples, as TFX passes them.
        graph: the folder of the graph.
    """
    preprocessing = _preprocessing(graph)
    columns = raw_columns(preprocessing, preprocessing.target)
    settings = tfrecord_settings(
        columns,
        pairs_of(preprocessing, columns),
        crosses_of(preprocessing, columns),
        must_have_columns=not all(map(is_of_files, raw)),
    )
    outputs = {}
    for split in sorted({split for one in raw for split in one.splits}):
        folder = copy / f"Split-{split}"
        shutil.rmtree(folder, ignore_errors=True)
        outputs[split] = str(folder)
    runner = Beam(in_memory_pipeline, usable_cores())
    with staging_folder(str(copy)) as staging:
        tf.io.gfile.makedirs(staging)
        done = transform(
            Examples(tuple(sources_of(list(raw))), settings),
            str(graph),
            {"tfrecord": outputs},
            runner,
            staging,
            staged={},
        )
    erased: Counter[str] = Counter()
    for one in raw:
        erased.update(erased_since(one.uri))
    tell_erased(str(copy), erased)
    return sum(done.examples.values())


def _preprocessing(graph: Path) -> Preprocessing:
    return Preprocessing.model_validate_json((graph / SPECIFICATION).read_text())


def _ids(graph: Path, rows: Mapping[str, Sequence[int]]) -> dict[str, frozenset[int]]:
    """Returns by column of transformed examples the ids of rows without a token."""
    features = _preprocessing(graph).features
    return {
        f"{name}{_VALUES}" if feature.is_ragged else name: frozenset(
            rows[feature.table]
        )
        for name, feature in features.items()
        if rows.get(feature.table)
    }


def _refers_to(folder: Path, ids: Mapping[str, frozenset[int]]) -> bool:
    for file in folder.glob("Split-*/*"):
        for record in records_of(file):
            features = tf.train.Example.FromString(record).features.feature
            for name, gone in ids.items():
                if name in features and not gone.isdisjoint(
                    features[name].int64_list.value
                ):
                    return True
    return False
