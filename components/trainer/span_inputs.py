"""What a training is given beside its examples where data comes in spans."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow_transform as tft
from tfx.types import artifact_utils

from shardline.components.contracts.spans.plan import Base, SpanPlan, load_plan
from shardline.components.contracts.warm_start_facts import WarmStartFacts
from shardline.components.execution.local_copy import local_input
from shardline.components.trainer.base import (
    base_digest,
    base_of,
    checked_vocabularies,
    opened_base,
)
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.tokens import Tokens
from shardline.components.trainer.warm_start import WarmStart
from shardline.configs.schema import FeatureSet, Training


class Beginning(NamedTuple):
    """How a training began.

    Attributes:
        step: the step it began with.
        facts: what it took of the checkpoint that it went on from; None: it began
            anew.
        vocabularies: SHA-256 of the tokens of each table whose vocabulary lives.
    """

    step: int
    facts: WarmStartFacts | None
    vocabularies: dict[str, str]


@dataclasses.dataclass(frozen=True)
class SpanInputs:
    """The inputs of a run in spans; all empty in other runs.

    Attributes:
        plan: which spans to train on.
        base: what to go on from; None: the training begins anew.
        vocabularies: folder of the LivingVocabulary artifact; "" for none.
    """

    plan: SpanPlan | None
    base: Base | None
    vocabularies: str

    @property
    def spans(self) -> str:
        """The spans to train on, as lineage names them; "" in other runs."""
        return self.plan.spans if self.plan else ""

    @property
    def learnt(self) -> tuple[str, ...]:
        """All spans that the model will have learnt, those of the base first."""
        before = self.base.spans if self.base else ()
        now = map(str, self.plan.train) if self.plan else ()
        return tuple(dict.fromkeys([*before, *now]))

    def digest(self) -> str:
        """Returns a digest of what the training goes on from; "" if it begins anew.

        Raises:
            BaseError: if that is gone.
        """
        return base_digest(self.base) if self.base else ""

    def begin(
        self,
        learner: Learner,
        feature_set: FeatureSet,
        transform_output: tft.TFTransformOutput,
        rows: Mapping[str, int],
        *,
        folder: str,
        is_begun: bool,
    ) -> Beginning:
        """Has a learner begin with the base, if there is one.

        Args:
            learner: as it was made, or restored from a checkpoint set.
            feature_set: the training's.
            transform_output: of the graph that made its examples.
            rows: of each table.
            folder: of the checkpoint that it will write.
            is_begun: whether the learner has begun before, and was restored.

        Raises:
            BaseError: if vocabularies, base and training do not belong together.
            WarmStartError: if a table is narrower than in the base, or has another
                optimizer.
        """
        tokens = self._tokens(feature_set, transform_output)
        digests = {name: one.digest for name, one in tokens.items()}
        if self.base is None:
            return Beginning(0, None, digests)
        with local_input(self.base.checkpoint) as base_folder:
            opened = opened_base(self.base, base_folder)
            start = WarmStart(opened, learner, feature_set, rows, tokens)
            if not is_begun:
                start.log()
                start.apply()
            start.archive(folder)
            return Beginning(opened.manifest.steps, start.facts, digests)

    def _tokens(
        self, feature_set: FeatureSet, transform_output: tft.TFTransformOutput
    ) -> dict[str, Tokens]:
        if not self.vocabularies:
            return {}
        graph = {
            name: transform_output.vocabulary_file_by_name(name)
            for name in feature_set.tables
            if feature_set.ids_of(name).kind == "vocabulary"
        }
        return checked_vocabularies(self.vocabularies, graph)


def span_inputs(input_dict: Mapping[str, list[Any]], training: Training) -> SpanInputs:
    """Returns what a Trainer was given for spans.

    Args:
        input_dict: `plan` and `vocabularies`, which may be absent.
        training: says whether to go on from an earlier model.
    """
    plan = None
    if input_dict.get("plan"):
        plan = load_plan(artifact_utils.get_single_uri(input_dict["plan"]))
    vocabularies = ""
    if input_dict.get("vocabularies"):
        vocabularies = artifact_utils.get_single_uri(input_dict["vocabularies"])
    return SpanInputs(plan, base_of(plan, training), vocabularies)
