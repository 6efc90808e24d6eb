"""How the candidate does beside other models: `comparison.json` in ModelComparison."""

from pydantic import Field

from shardline.components.contracts.text_file import read_text, write_text
from shardline.components.contracts.validation import Gate
from shardline.configs.section import Section

_FILE = "comparison.json"

# The models that are compared, by the names that files and people use.
CANDIDATE = "candidate"
IN_SERVICE = "in_service"
BASELINE = "never_updated"


class Interval(Section):
    """A confidence interval of 95 %, by bootstrap; infinite numbers are never in it."""

    low: float
    high: float


class Measured(Section):
    """One metric of one model on some examples.

    Attributes:
        value: None if it is undefined.
        interval: of the value; None if none was computed.
        undefined: why there is no value; "" if there is.
    """

    value: float | None
    interval: Interval | None = None
    undefined: str = ""


class SliceResult(Section):
    """How the models do on some of the examples.

    Attributes:
        name: of the slice, such as "all", "user_id: new ids", "gender: F".
        examples: how many it has.
        positives: the weight of those with label 1.
        metrics: by model, then by metric: `auc`, `normalized_entropy`, `calibration`,
            `log_loss`, and within groups `grouped_auc` and `recall_at_10`.
        differences: by other model, then by metric: the candidate less the other.
            `calibration_error` is how far calibration is off 1.
    """

    name: str
    examples: int
    positives: float
    metrics: dict[str, dict[str, Measured]]
    differences: dict[str, dict[str, Measured]] = Field(default_factory=dict)


class ComparedModel(Section):
    """A model that was scored.

    Attributes:
        uri: its folder.
        version: the published one; "" for the candidate.
        spans: what it has learnt, as lineage names it; "" if not known.
    """

    uri: str
    version: str = ""
    spans: str = ""


class Comparison(Section):
    """The verdict.

    Attributes:
        judged_on: the span or part of one, or the split.
        models: those that were scored, by name.
        slices: the first has all examples.
        out_of_vocabulary: by feature, the share of its lookups that are unknown to the
            candidate, and to the others, by model name.
        gates: the verdicts, of data and of regression.
    """

    judged_on: str
    models: dict[str, ComparedModel]
    slices: tuple[SliceResult, ...]
    out_of_vocabulary: dict[str, dict[str, float]] = Field(default_factory=dict)
    gates: tuple[Gate, ...] = ()

    @property
    def closed(self) -> list[Gate]:
        """The gates that do not pass."""
        return [gate for gate in self.gates if not gate.passes]

    def save(self, folder: str) -> None:
        """Writes it into the artifact's folder."""
        write_text(folder, _FILE, self.model_dump_json(indent=1))


def load_comparison(folder: str) -> Comparison:
    """Reads the comparison in an artifact's folder.

    Raises:
        FileNotFoundError: if there is none.
    """
    return Comparison.model_validate_json(read_text(folder, _FILE))
