"""The checkpoint that a training goes on from, and the vocabularies it was made with.

What does not belong together is refused here, before anything is trained.
"""

import dataclasses
import hashlib
import posixpath
from collections.abc import Mapping

import tensorflow as tf

from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
    load_manifest,
)
from shardline.components.contracts.living_vocabulary import load_vocabularies
from shardline.components.contracts.spans.plan import Base, SpanPlan
from shardline.components.trainer.tokens import Tokens, read_tokens
from shardline.configs.schema import FeatureSet, Training

_WITHOUT = "Or set `training.warm_start: false`, to begin anew."


class BaseError(ValueError):
    """A checkpoint or vocabularies that a training cannot go on from."""


def base_of(plan: SpanPlan | None, training: Training) -> Base | None:
    """Returns what a training goes on from; None: it begins anew."""
    return plan.base if plan and training.warm_start else None


def base_digest(base: Base) -> str:
    """Returns a digest of a checkpoint's manifest and index, which has its checksums.

    Args:
        base: whose checkpoint.

    Raises:
        BaseError: if it is gone, or incomplete.
    """
    digest = hashlib.sha256()
    for name in ("manifest.json", "checkpoint.index"):
        path = posixpath.join(base.checkpoint, name)
        if not tf.io.gfile.exists(path):
            raise BaseError(
                f"The plan goes on from the checkpoint {base.checkpoint}, and {path} "
                f"is not there. Bring the folder back, or replay its spans. {_WITHOUT}"
            )
        with tf.io.gfile.GFile(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class OpenedBase:
    """A checkpoint that was found whole, as far as its folder tells.

    Attributes:
        base: what the plan says of it.
        folder: where it is, on this machine.
        manifest: what it says of itself.
    """

    base: Base
    folder: str
    manifest: CheckpointManifest

    @property
    def prefix(self) -> str:
        """The checkpoint, as TensorFlow takes it."""
        return checkpoint_prefix(self.folder)

    def check_tables(self, feature_set: FeatureSet) -> None:
        """Checks that the checkpoint is of this feature set, changed or not.

        Raises:
            BaseError: if no table is in both.
        """
        held = self.manifest.feature_set.tables
        if not held.keys() & feature_set.tables.keys():
            raise BaseError(
                f"Checkpoint {self.base.checkpoint} is of another feature set: it has "
                f"the tables {', '.join(sorted(held))}, and this run "
                f"{', '.join(sorted(feature_set.tables))}. Go on from a checkpoint of "
                f"this run. {_WITHOUT}"
            )

    def tokens(self) -> dict[str, Tokens]:
        """Returns the vocabularies that the checkpoint was trained with, by table.

        Raises:
            BaseError: if the vocabularies are gone, damaged, or another checkpoint's.
        """
        folder = self.base.vocabularies
        try:
            known = load_vocabularies(folder)
        except FileNotFoundError as error:
            raise BaseError(
                f"The plan goes on from the vocabularies {folder}, and they are not "
                f"there. Bring the folder back, or replay its spans. {_WITHOUT}"
            ) from error
        found = {}
        for name in sorted(known.tables.keys() & self.manifest.rows.keys()):
            tokens = _read(folder, name, known.tables[name].digest)
            trained_with = self.manifest.vocabularies.get(name, tokens.digest)
            # Erased tokens have left free rows, and nothing has moved.
            if tokens.digest != trained_with and not known.erased:
                raise BaseError(
                    f"The vocabulary of table `{name}` in {folder} is not that of the "
                    f"checkpoint {self.base.checkpoint}: its SHA-256 is "
                    f"{tokens.digest[:12]}..., and the checkpoint was trained with "
                    f"{trained_with[:12]}.... Rows would get other tokens' values. Go "
                    "on from a checkpoint and vocabularies of one run."
                )
            if len(tokens) >= self.manifest.rows[name]:
                raise BaseError(
                    f"The vocabulary of table `{name}` in {folder} has {len(tokens):,} "
                    f"rows, and the table in checkpoint {self.base.checkpoint} "
                    f"{self.manifest.rows[name]:,}: it is of another table. Go on from "
                    "a checkpoint and vocabularies of one run."
                )
            found[name] = tokens
        return found


def opened_base(base: Base, folder: str) -> OpenedBase:
    """Returns a checkpoint to go on from.

    Args:
        base: what the plan says of it.
        folder: a copy of its folder on this machine, or the folder itself.
    """
    return OpenedBase(base, folder, load_manifest(folder))


def checked_vocabularies(folder: str, graph: Mapping[str, str]) -> dict[str, Tokens]:
    """Returns the vocabularies of a training, which are those of its transform graph.

    Args:
        folder: of the LivingVocabulary artifact.
        graph: the file of each table's vocabulary in the transform graph.

    Raises:
        BaseError: if the artifact lacks a table, or has other tokens than the graph.
    """
    known = load_vocabularies(folder)
    found = {}
    for name, path in sorted(graph.items()):
        if name not in known.tables:
            raise BaseError(
                f"The vocabularies {folder} have no table `{name}`: they have "
                f"{', '.join(sorted(known.tables)) or 'none'}. Give the vocabularies "
                "that FeatureTransform wrote with this transform graph."
            )
        tokens = read_tokens(path)
        said = known.tables[name].digest
        if tokens.digest != said:
            raise BaseError(
                f"The vocabularies {folder} are not those of the transform graph: "
                f"table `{name}` has SHA-256 {said[:12]}... there, and "
                f"{tokens.digest[:12]}... in {path}. Give the vocabularies that "
                "FeatureTransform wrote with this transform graph."
            )
        found[name] = tokens
    return found


def _read(folder: str, table: str, digest: str) -> Tokens:
    path = posixpath.join(folder, table)
    try:
        tokens = read_tokens(path)
    except tf.errors.NotFoundError as error:
        raise BaseError(
            f"{path} is gone, the vocabulary of table `{table}` that the plan goes on "
            f"from. Bring it back, or replay its spans. {_WITHOUT}"
        ) from error
    if tokens.digest != digest:
        raise BaseError(
            f"{path} is damaged: its SHA-256 is {tokens.digest[:12]}..., and was "
            f"{digest[:12]}.... Bring the file back, or replay its spans. {_WITHOUT}"
        )
    return tokens
