"""What the golden vectors of `shardline conformance` hold: cases, drawn batches.

Every number here has few digits, so that the files can be read. Ids come from less than
the whole table, so that every case has a row that nobody looks up; an example has no id
twice unless a case is about that.
"""

from dataclasses import dataclass, field, replace

import numpy as np

ROWS, DIM, BATCH, LENGTH = 7, 3, 4, 3
FOLDED = (2, 2)
RATE = 0.05
RATES = (0.05, 0.2, 0.01, 0.1)
QUANTIZATION = (9, -0.7, 1.1)

# Of an id, one that needs 64 bits: cut to 32 it would be a row of the table.
LONG_ID = 2**32 + 3


@dataclass(frozen=True)
class Case:
    """One table that two features look up, and how it is trained.

    `batches` names the batches; a group holds those of a name once. Of `optimizer` the
    first part, up to a hyphen, is its class.
    """

    name: str
    kind: str = "sparse"
    combiner: str = "mean"
    weighted: bool = False
    length: int = 0
    output_shape: tuple[int, ...] | None = None
    id_type: str = "int64"
    optimizer: str = "SGD"
    options: dict = field(default_factory=dict)
    policy: str = "error"
    quantization: tuple | None = None
    rows: int = ROWS
    batches: str = ""
    fault: str = ""

    @property
    def key(self) -> str:
        """Under what name its batches stand in the file."""
        words = [self.batches or self.kind]
        words += ["weighted"] * self.weighted
        if self.length or (self.output_shape and len(self.output_shape) > 1):
            words.append("x".join(map(str, self.places)))
        return "-".join(filter(None, [*words, self.fault]))

    @property
    def places(self) -> tuple[int, ...]:
        """Shape of the activations without dim."""
        if self.output_shape:
            return self.output_shape
        if self.kind.endswith("3"):
            return FOLDED
        return (BATCH, self.length) if self.length else (BATCH,)


@dataclass(frozen=True)
class Group:
    """Cases about one thing, and for how many steps they train."""

    name: str
    about: str
    cases: list[Case]
    steps: int = 2
    pipelined: bool = False
    ends_with_inference: bool = False


COMBINERS = ("sum", "mean", "sqrtn")
DECAY = {"weight_decay_factor": 0.1}
BY_RATE = {"multiply_weight_decay_factor_by_learning_rate": True}
CLIPS = {"clipvalue": [-0.8, 0.6], "clip_weight_min": -1.0, "clip_weight_max": 0.9}
NESTEROV = {"momentum": 0.9, "use_nesterov": True}
L1_L2 = {"l1_regularization_strength": 0.3, "l2_regularization_strength": 0.1}
TIMES_RATE = {"multiply_linear_by_learning_rate": True}
PLAIN = {name: {} for name in ("SGD", "Adagrad", "AdagradMomentum", "Adam", "FTRL")}
OPTIONS = {
    "SGD-clipvalue": {"clipvalue": 0.5},
    "SGD-clipvalue-above": {"clipvalue": [None, 0.3], "clip_weight_max": 0.5},
    "SGD-decay": DECAY,
    "SGD-decay-times-rate": {"weight_decay_factor": 2.0, **BY_RATE},
    "Adagrad-initial-value": {"initial_accumulator_value": 1.5},
    "Adagrad-clips-decay": CLIPS | DECAY,
    "AdagradMomentum-momentum": {"momentum": 0.9, "epsilon": 1e-3},
    "AdagradMomentum-nesterov-clips-decay": NESTEROV | CLIPS | DECAY,
    "AdagradMomentum-beta2-exponent": {
        "momentum": 0.5,
        "beta2": 0.9,
        "exponent": 3.0,
        "epsilon": 1e-3,
    },
    "Adam-betas": {"beta_1": 0.5, "beta_2": 0.7},
    "Adam-epsilon-in-root": {"epsilon": 0.05},
    "Adam-epsilon-outside-root": {"sum_inside_sqrt": False, "epsilon": 0.05},
    "Adam-all-rows-clips-decay": {"lazy_adam": False, **CLIPS, **DECAY},
    "FTRL-l1-l2-beta": {"beta": 0.5, **L1_L2},
    "FTRL-power-clips-decay": {"learning_rate_power": -0.3, **CLIPS, **DECAY},
    "FTRL-linear-times-rate": TIMES_RATE | L1_L2,
    "FTRL-initial-value": {
        "allow_zero_accumulator": True,
        "initial_accumulator_value": 1e-3,
    },
}
ONE_BY_ONE = {
    "SGD-decay": DECAY,
    "Adagrad-clip": {"clip_weight_max": 0.5},
    "AdagradMomentum-nesterov": {**NESTEROV, "epsilon": 1e-3},
    "Adam": {},
    "FTRL-decay": DECAY,
}
DYNAMIC = {
    "SGD-clips-decay-times-rate": CLIPS | DECAY | BY_RATE,
    "Adagrad": {},
    "AdagradMomentum-nesterov": {**NESTEROV, "epsilon": 1e-3},
    "Adam": {},
    "FTRL-linear-times-rate": {"beta": 0.5, **TIMES_RATE},
}


def trained(rules: dict, shared: dict, **options) -> list[Case]:
    """Returns a case for each rule, all on the same batches."""
    return [
        Case(
            name.lower(),
            combiner="sqrtn",
            weighted=True,
            optimizer=name.partition("-")[0],
            options={"learning_rate": RATE} | shared | more,
            **options,
        )
        for name, more in rules.items()
    ]


def pooled() -> list[Case]:
    """Returns every kind of input with every combiner, and the odd batches."""
    cases = [
        Case("dense", "dense"),
        Case("dense-rank3", "dense3"),
        Case("dense-int32", "dense", id_type="int32"),
    ]
    for kind in ("sparse", "ragged"):
        for combiner in COMBINERS:
            cases += [
                Case(f"{kind}-{combiner}", kind, combiner),
                Case(f"{kind}-{combiner}-weighted", kind, combiner, weighted=True),
            ]
        cases.append(Case(f"{kind}-int32", kind, id_type="int32"))
    return [
        *cases,
        Case("sparse-rank3", "sparse3", "sum"),
        Case("sparse-rank3-weighted", "sparse3", "mean", weighted=True),
        Case("ragged-output-shape", "ragged", "mean", True, output_shape=FOLDED),
        Case("id-twice-in-example-sum", "sparse", "sum", batches="id-twice"),
        Case("id-twice-in-example-mean", "ragged", "mean", batches="id-twice"),
        Case("no-ids-sparse", "sparse", batches="no-ids"),
        Case("no-ids-ragged", "ragged", "sqrtn", batches="no-ids"),
        Case("weights-sum-to-zero", "ragged", "mean", True, batches="zero-weights"),
        Case("table-of-two-rows", "ragged", "sum", rows=2, batches="two-rows"),
    ]


def policed() -> list[Case]:
    """Returns each policy with each fault in each kind of input it can be in."""
    found = [
        Case(f"{fault}-{kind}-{policy}", kind, combiner, weighted, length, fault=fault)
        for fault, kind, combiner, weighted, length in (
            ("bad-ids", "dense", "mean", False, 0),
            ("bad-ids", "sparse", "mean", False, 0),
            ("bad-ids", "ragged", "sqrtn", True, 0),
            ("bad-ids", "ragged", "mean", False, LENGTH),
            ("bad-weights", "sparse", "sum", True, 0),
            ("bad-weights", "ragged", "mean", True, 0),
            ("bad-gradient", "sparse", "mean", False, 0),
        )
        for policy in ("drop", "oov_row", "error")
    ]
    options = {"learning_rate": RATE}
    return [
        replace(
            case,
            name=case.name.replace(
                "-ragged-", "-sequence-" if case.length else "-ragged-"
            ),
            policy=case.name.rpartition("-")[2],
            optimizer="Adagrad",
            options=options,
        )
        for case in found
    ]


def sequences() -> list[Case]:
    """Returns sequences of each form with a rule without and one with slots."""
    forms = {
        "sparse": {"kind": "sparse", "length": LENGTH},
        "ragged": {"kind": "ragged", "length": LENGTH},
        "gaps": {"kind": "sparse", "length": LENGTH, "batches": "gaps"},
        "output-shape": {"kind": "ragged", "output_shape": (BATCH, LENGTH)},
    }
    return [
        Case(f"{form}-{name.lower()}", optimizer=name, **options)
        for form, options in forms.items()
        for name in ("SGD", "Adam")
    ]


def interchanged() -> list[Case]:
    """Returns tables with no slot, with one and with two, of several inputs.

    One has so many rows that a set with those touched is smaller than a full one.
    """
    rates = {"learning_rate": RATE}
    return [
        Case("dense-sgd", "dense"),
        Case("sparse-adagrad", weighted=True, optimizer="Adagrad", options=rates),
        Case("ragged-adam", "ragged", "sum", rows=23, optimizer="Adam", options=rates),
        Case("sparse-ftrl", combiner="sqrtn", optimizer="FTRL", options=rates),
        Case(
            "two-rows-adagrad",
            "ragged",
            "sum",
            rows=2,
            batches="two-rows",
            optimizer="Adagrad",
            options=rates,
        ),
    ]


QUANTIZED = [
    replace(case, name=f"{case.name}-{buckets[0]}-buckets", quantization=buckets)
    for case in trained({"SGD": {}, "Adagrad": {}}, {})
    for buckets in (QUANTIZATION, (2, -0.5, 0.5))
]
STALE = trained(PLAIN, {})
STALE += [replace(QUANTIZED[0], name="sgd-quantized")]
STALE += [
    replace(case, name="adagrad-rates")
    for case in trained({"Adagrad": {}}, {"learning_rate": list(RATES)})
]
STALE += [
    Case("sequence-adam", "ragged", length=LENGTH, optimizer="Adam"),
    Case("dense-sgd", "dense"),
]

GROUPS = [
    Group("inputs", "Every kind of input and combiner.", pooled()),
    Group(
        "policies",
        "Ids, weights and gradients that cannot be used: left out, mapped, refused.",
        policed(),
    ),
    Group("sequences", "Activations by position, cut off and filled up.", sequences()),
    Group(
        "optimizers",
        "Every optimizer, with each of its options.",
        trained(PLAIN | OPTIONS, {}),
        steps=3,
    ),
    Group(
        "learning_rates",
        "Learning rates that are functions, evaluated once a step.",
        trained(DYNAMIC, {"learning_rate": list(RATES)}),
        steps=3,
    ),
    Group(
        "accumulation",
        "Without gradient accumulation: a row is updated by each of its occurrences.",
        trained(ONE_BY_ONE, {"use_gradient_accumulation": False}),
    ),
    Group("quantization", "Lookups of rounded rows.", QUANTIZED),
    Group(
        "staleness",
        "Pipelined lookups miss the update of the step before, and no other.",
        STALE,
        steps=4,
        pipelined=True,
        ends_with_inference=True,
    ),
    Group(
        "checkpoints",
        "Tables and slots that move between hosts, and to and from TensorFlow.",
        interchanged(),
        steps=3,
    ),
]


@dataclass(frozen=True)
class Batch:
    """What one feature holds in one step, and the gradient of its activations."""

    ids: list[list[int | None]]
    weights: list[list[float]] | None
    gradient: np.ndarray


def start(rows: int) -> np.ndarray:
    """Returns float32 [rows, DIM] that a table starts with."""
    drawn = np.random.RandomState(rows).normal(size=(rows, DIM))
    return drawn.round(3).astype(np.float32)


def batches(case: Case, steps: int) -> list[dict[str, Batch]]:
    """Returns the batches of a case by step and feature.

    RandomState, not a Generator: its numbers are the same in every version of numpy.
    """
    seed = sum(map(ord, case.key))
    rng = np.random.RandomState(seed)
    return [
        {
            side: spoiled(drawn(case, rng, step, side), case, step, side)
            for side in ("left", "right")
        }
        for step in range(steps)
    ]


def drawn(case: Case, rng: np.random.RandomState, step: int, side: str) -> Batch:
    """Draws uneven examples, one of them without ids."""
    if case.kind.startswith("dense"):
        sizes = [1] * BATCH
    else:
        sizes = rng.permutation([0, 1, 2, 5]).tolist()
    most = 2 if case.rows == 2 else case.rows
    first = 0 if case.rows == 2 else 1
    ids = [(rng.permutation(most - first)[:size] + first).tolist() for size in sizes]
    if case.batches == "no-ids" and step == 0:
        ids = [[]] * BATCH
    elif case.batches == "id-twice":
        ids = [[*row, *row[:1]] for row in ids]
    elif case.batches == "gaps":
        ids = [
            [None if at == 1 else row for at, row in enumerate(rows)] for rows in ids
        ]
    weights = None
    if case.weighted:
        weights = [
            [round(float(w), 2) for w in rng.uniform(0.5, 2, len(r))] for r in ids
        ]
    if case.batches == "zero-weights":
        weights = [
            [0.0] * len(row) if at % 2 else row for at, row in enumerate(weights)
        ]
    gradient = rng.normal(size=(*case.places, DIM)).round(3).astype(np.float32)
    return Batch(ids, weights, gradient)


def spoiled(batch: Batch, case: Case, step: int, side: str) -> Batch:
    """Puts what cannot be used into the last step's left feature."""
    if not case.fault or step == 0 or side == "right":
        return batch
    at = [(row, k) for row, ids in enumerate(batch.ids) for k in range(len(ids))]
    ids = [list(row) for row in batch.ids]
    weights = batch.weights and [list(row) for row in batch.weights]
    gradient = batch.gradient.copy()
    bad = {
        "bad-ids": [-1, case.rows, LONG_ID, 2**31 + 1],
        "bad-weights": [float("nan"), float("inf"), -1.0],
        "bad-gradient": [],
    }[case.fault]
    if case.combiner == "sum" and weights:
        bad = bad[:2]
    target = ids if case.fault == "bad-ids" else weights
    for (row, k), value in zip(at, bad, strict=False):
        target[row][k] = value
    if case.fault == "bad-gradient":
        row = at[0][0]
        gradient[row, 0] = np.nan
    return Batch(ids, weights, gradient)
