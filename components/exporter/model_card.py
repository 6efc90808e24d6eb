"""The model card: what a served model is, in one file that travels with it.

It holds no time and nothing of the machine, so two exports of one checkpoint have equal
cards.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from pydantic import ConfigDict, Field, FiniteFloat
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
    load_manifest,
)
from shardline.components.contracts.data_card import DataCounts
from shardline.components.contracts.file_record import digest_of
from shardline.components.contracts.model_folder import (
    CARD_FILE,
    GRAPH_FILE,
    VARIABLES_FOLDER,
    VOCABULARIES_FOLDER,
    loaded_bytes,
    write_extra,
)
from shardline.components.exporter.table_files import TableRows
from shardline.components.features.analysis.statistics import load_statistics
from shardline.configs.schema import Precision, Section, Serving

_INITIALIZER = "__saved_model_init_op"


class CheckpointCard(Section):
    """The checkpoint that was exported.

    Attributes:
        uri: where it lay.
        digest: SHA-256 of its index, which has a checksum of every tensor.
        steps: training steps behind it.
        hosts: the hosts that its rows were split over.
    """

    uri: str
    digest: str
    steps: int
    hosts: int


class TableCard(Section):
    """A table, how many bytes the model holds of it, and how it learnt."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    rows: int
    dim: int
    # Files say `form`, the older word.
    precision: Precision = Field(validation_alias="form", serialization_alias="form")
    bytes: int
    optimizer: str
    policy: str


class VocabularyCard(Section):
    """A table's vocabulary.

    Attributes:
        tokens: how many there are; rows for them if it lives.
        sha256: of their file.
        asset: the file, in the model.
        living: what its last update made of it, for people; "" if it does not live.
    """

    tokens: int
    sha256: str
    asset: str
    living: str = ""


class Sizes(Section):
    """Bytes of the files that a server loads.

    Attributes:
        total: of all kinds.
        graph: SavedModel and fingerprint.
        tables: rows in their precisions.
        dense: other variables, and their index.
        vocabularies: tokens.
    """

    total: int
    graph: int
    tables: int
    dense: int
    vocabularies: int


class TensorCard(Section):
    """An input or output; an axis of unknown length is -1."""

    dtype: str
    shape: list[int]


class SignatureCard(Section):
    """What requests give and get, by name."""

    inputs: dict[str, TensorCard]
    outputs: dict[str, TensorCard]


class ModelCard(Section):
    """What a served model is.

    Attributes:
        name: the name that requests use.
        configuration: SHA-256 of features, tables, dense model, target and serving.
        checkpoint: what was exported.
        data: the examples it learnt from, and what was left out of them; None where
            they were made without a record.
        tables: the tables by name.
        vocabularies: the vocabularies by table.
        metrics: on the evaluation split, of the checkpoint; those that are defined.
        undefined: why each of the others is not.
        sizes: in bytes.
        signatures: the signatures by name.
        tensorflow: the version that exported it.
    """

    name: str
    configuration: str
    checkpoint: CheckpointCard
    data: DataCounts | None
    tables: dict[str, TableCard]
    vocabularies: dict[str, VocabularyCard]
    metrics: dict[str, FiniteFloat]
    undefined: dict[str, str] = Field(default_factory=dict)
    sizes: Sizes
    signatures: dict[str, SignatureCard]
    tensorflow: str


def write_card(folder: str, card: ModelCard) -> None:
    """Writes the card of the model in a folder."""
    write_extra(folder, CARD_FILE, card.model_dump_json(indent=2) + "\n")


def card_of(
    folder: str,
    name: str,
    tables: Iterable[TableRows],
    *,
    checkpoint_folder: str,
    checkpoint_uri: str,
    transform_output: tft.TFTransformOutput,
    serving: Serving,
    data: DataCounts | None = None,
) -> ModelCard:
    """Returns the card of a model that was saved.

    Args:
        folder: the folder of the SavedModel.
        name: the name that requests use.
        tables: as they are held.
        checkpoint_folder: the checkpoint folder of the HostShardedCheckpoint.
        checkpoint_uri: of the same, which may lie on an object store.
        transform_output: what the Transform component wrote.
        serving: how the model was asked for.
        data: what became of the raw data.
    """
    manifest = load_manifest(checkpoint_folder)
    by_name = {table.name: _table_card(table, manifest) for table in tables}
    index = Path(checkpoint_prefix(checkpoint_folder) + ".index")
    return ModelCard(
        name=name,
        configuration=_configuration_digest(manifest, serving),
        checkpoint=CheckpointCard(
            uri=checkpoint_uri,
            digest=_sha256(index.read_bytes()),
            steps=manifest.steps,
            hosts=manifest.hosts,
        ),
        data=data,
        tables=by_name,
        vocabularies=_vocabularies(manifest, transform_output),
        metrics=manifest.metrics,
        undefined=manifest.undefined,
        sizes=sizes_of(Path(folder), sum(table.bytes for table in by_name.values())),
        signatures=_signatures(Path(folder)),
        tensorflow=tf.__version__,
    )


def _table_card(table: TableRows, manifest: CheckpointManifest) -> TableCard:
    config = manifest.feature_set.tables[table.name]
    (optimizer,) = config.optimizer.model_dump(exclude_none=True)
    return TableCard(
        rows=table.rows,
        dim=table.dim,
        precision=table.precision,
        bytes=table.bytes,
        optimizer=optimizer,
        policy=config.policy,
    )


def _configuration_digest(manifest: CheckpointManifest, serving: Serving) -> str:
    described = manifest.model_dump(
        mode="json", exclude={"steps", "hosts", "rows", "metrics", "undefined"}
    ) | {"serving": serving.model_dump(mode="json")}
    return _sha256(json.dumps(described, sort_keys=True).encode())


def _vocabularies(
    manifest: CheckpointManifest, transform_output: tft.TFTransformOutput
) -> dict[str, VocabularyCard]:
    cards = {}
    graph = os.path.dirname(transform_output.transform_savedmodel_dir)
    statistics = load_statistics(graph)
    living = statistics.living if statistics else {}
    for table in sorted(manifest.feature_set.tables):
        if manifest.feature_set.ids_of(table).kind == "vocabulary":
            file = transform_output.vocabulary_file_by_name(table)
            cards[table] = VocabularyCard(
                tokens=transform_output.vocabulary_size_by_name(table),
                sha256=digest_of(file),
                asset=f"{VOCABULARIES_FOLDER}/{os.path.basename(file)}",
                living=str(living[table]) if table in living else "",
            )
    return cards


def sizes_of(folder: Path, tables: int) -> Sizes:
    """Returns the bytes of the files of a model.

    Args:
        folder: of the model.
        tables: bytes of its tables.
    """
    sizes = loaded_bytes(folder)
    total = sum(sizes.values())
    variables, vocabularies = (
        sum(size for path, size in sizes.items() if path.startswith(f"{part}/"))
        for part in (VARIABLES_FOLDER, VOCABULARIES_FOLDER)
    )
    return Sizes(
        total=total,
        graph=total - variables - vocabularies,
        tables=tables,
        dense=variables - tables,
        vocabularies=vocabularies,
    )


def _signatures(folder: Path) -> dict[str, SignatureCard]:
    saved = SavedModel.FromString((folder / GRAPH_FILE).read_bytes())
    signatures = saved.meta_graphs[0].signature_def
    return {
        name: SignatureCard(
            inputs=_tensors(signatures[name].inputs),
            outputs=_tensors(signatures[name].outputs),
        )
        for name in sorted(signatures)
        if name != _INITIALIZER
    }


def _tensors(infos: Mapping[str, Any]) -> dict[str, TensorCard]:
    return {
        name: TensorCard(
            dtype=tf.as_dtype(infos[name].dtype).name,
            shape=[axis.size for axis in infos[name].tensor_shape.dim],
        )
        for name in sorted(infos)
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
