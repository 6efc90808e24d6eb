"""The TPU backend's own ops train to the numbers of the oracle and the host backend.

The ops run on kernels that emulate a TPU's engine (emulator/), compiled once.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from shardline import embedding

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(600)

STEPS = 4
KINDS = ("dense", "sparse", "ragged", "sequence")
COMMON = {
    "clip_weight_min": -0.8,
    "clip_weight_max": 0.9,
    "weight_decay_factor": 0.05,
    "clipvalue": 0.6,
}
OPTIMIZERS = {
    "sgd": ("SGD", {}),
    "sgd_options": (
        "SGD",
        {**COMMON, "multiply_weight_decay_factor_by_learning_rate": True},
    ),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.3}),
    "adagrad_options": ("Adagrad", COMMON),
    "adagrad_momentum": ("AdagradMomentum", {"momentum": 0.8, "epsilon": 1e-3}),
    "adagrad_nesterov": (
        "AdagradMomentum",
        {
            "momentum": 0.5,
            "use_nesterov": True,
            "exponent": 3.0,
            "beta2": 0.9,
            "epsilon": 1e-2,
        },
    ),
    "adam": ("Adam", {}),
    "adam_not_lazy": ("Adam", {"lazy_adam": False, "sum_inside_sqrt": False}),
    "ftrl": ("FTRL", {}),
    "ftrl_options": (
        "FTRL",
        {
            "learning_rate_power": -0.6,
            "l1_regularization_strength": 0.05,
            "l2_regularization_strength": 0.1,
            "beta": 0.2,
            "multiply_linear_by_learning_rate": True,
        },
    ),
}
RATE = 0.3


def table_values(rows, dim, seed):
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32) / 2


class Run:
    """One training run on the emulated TPU, and what the oracle expects of it."""

    def __init__(self, emulated, oracle, kinds, *, weighted=False, combiner="mean"):
        self.emulated, self.oracle = emulated, oracle
        self.kinds, self.weighted, self.combiner = kinds, weighted, combiner
        self.lengths = [emulated.LENGTH if k == "sequence" else 0 for k in kinds]
        self.input_kinds = ["sparse" if k == "sequence" else k for k in kinds]

    def config(self, **table_options):
        """Returns features that take turns between two tables."""
        tables = [
            tpu.TableConfig(
                rows,
                dim,
                name=name,
                combiner=self.combiner,
                initializer=tf.constant_initializer(table_values(rows, dim, dim)),
                **table_options,
            )
            for name, rows, dim in (("large", self.emulated.ROWS, 3), ("small", 9, 2))
        ]
        return [
            tpu.FeatureConfig(tables[index % 2], max_sequence_length=length)
            for index, length in enumerate(self.lengths)
        ]

    def batches(self, cores, steps=STEPS):
        rng = np.random.default_rng(5)
        return [
            [
                [
                    self.emulated.draw(
                        rng, kind, length, 3 - index % 2, self._has_weights(index)
                    )
                    for index, (kind, length) in enumerate(
                        zip(self.input_kinds, self.lengths, strict=True)
                    )
                ]
                for _ in range(cores)
            ]
            for _ in range(steps)
        ]

    def expected(self, steps, name, options, rate=RATE, **table_options):
        """Returns the oracle's activations by step, core, feature, and its tables."""
        tables = [
            self.oracle.Table(
                table_values(rows, dim, dim),
                getattr(self.oracle, name)(rate, **options),
                **table_options,
            )
            for rows, dim in ((self.emulated.ROWS, 3), (9, 2))
        ]
        activations = []
        for batches in steps:
            places = [
                (core, index)
                for core in range(len(batches))
                for index in range(len(self.kinds))
            ]
            found = {}
            for which, table in enumerate(tables):
                mine = [place for place in places if place[1] % 2 == which]
                lookups = [self._lookup(batches[c][i], i) for c, i in mine]
                if mine:
                    found.update(zip(mine, table.step(lookups), strict=True))
            activations.append(
                [
                    [found[core, index] for index in range(len(self.kinds))]
                    for core in range(len(batches))
                ]
            )
        return activations, dict(zip(("large", "small"), tables, strict=True))

    def _has_weights(self, index):
        return self.weighted and self.kinds[index] in ("sparse", "ragged")

    def _lookup(self, feature, index):
        lookup = self.oracle.Lookup(
            feature.ids, self.combiner, feature.weights, self.lengths[index]
        )
        return lookup, feature.gradient


@pytest.fixture
def run(emulated, oracle):
    def make(kinds, **options):
        return Run(emulated, oracle, kinds, **options)

    return make


@pytest.fixture
def tpu_engine(emulator, emulated, fake_tpu):
    """Returns an engine of so many hosts and cores, on an engine not configured yet."""

    def make(config, optimizer, hosts=1, cores=1, **options):
        strategy = fake_tpu.local_strategy(hosts, cores)
        made = emulated.engine(strategy, config, optimizer, **options)
        with emulated.local_hosts():
            made.build(emulated.BATCH)
        return made

    return make


def assert_state(engine, tables, emulated):
    state = emulated.state(engine)
    for name, found in state.items():
        table = tables[name]
        np.testing.assert_allclose(found["parameters"], table.values, 1e-5, 1e-5)
        assert set(found) == {"parameters", *table.slots}
        for slot, values in table.slots.items():
            np.testing.assert_allclose(found[slot], values, 1e-5, 1e-5)


def assert_activations(found, expected):
    for step, cores in enumerate(expected):
        for core, features in enumerate(cores):
            for index, values in enumerate(features):
                np.testing.assert_allclose(
                    found[step][core][index], values, 1e-5, 1e-5, err_msg=f"step {step}"
                )


@pytest.mark.parametrize(("hosts", "cores"), [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_of_each_optimizer_equals_the_oracle(
    hosts, cores, optimizer, run, tpu_engine, emulated
):
    name, options = OPTIMIZERS[optimizer]
    run = run(KINDS, weighted=True)
    steps = run.batches(hosts * cores)
    engine = tpu_engine(run.config(), getattr(tpu, name)(RATE, **options), hosts, cores)

    with emulated.local_hosts():
        found = emulated.train(engine, run.input_kinds, steps, hosts * cores)

    activations, tables = run.expected(steps, name, options)
    assert_activations(found, activations)
    assert_state(engine, tables, emulated)


@pytest.mark.parametrize(
    ("kind", "combiner", "weighted"),
    [
        (kind, combiner, weighted)
        for kind, combiner, weighted in itertools.product(
            KINDS, ("sum", "mean", "sqrtn"), (False, True)
        )
        if not weighted or kind in ("sparse", "ragged")
    ],
)
def test_each_kind_and_combiner_equals_the_oracle(
    kind, combiner, weighted, run, tpu_engine, emulated
):
    run = run((kind, kind), weighted=weighted, combiner=combiner)
    steps = run.batches(2, steps=2)
    engine = tpu_engine(run.config(), tpu.Adagrad(RATE), cores=2)

    found = emulated.train(engine, run.input_kinds, steps, 2)

    activations, tables = run.expected(steps, "Adagrad", {})
    assert_activations(found, activations)
    assert_state(engine, tables, emulated)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_equals_the_host_backend(optimizer, run, tpu_engine, emulated):
    name, options = OPTIMIZERS[optimizer]
    run = run(KINDS, weighted=True)
    steps = run.batches(1)
    on_tpu = tpu_engine(run.config(), getattr(tpu, name)(RATE, **options))
    on_hosts = embedding.TPUEmbedding(
        run.config(), getattr(tpu, name)(RATE, **options), hosts=["/CPU:0", "/CPU:1"]
    )

    found = emulated.train(on_tpu, run.input_kinds, steps, 1)
    expected = emulated.train(on_hosts, run.input_kinds, steps, 1, compiled=False)

    assert_activations(found, expected)
    of_tpu, of_hosts = emulated.state(on_tpu), emulated.state(on_hosts)
    for table, slot in ((t, s) for t, slots in of_tpu.items() for s in slots):
        np.testing.assert_allclose(
            of_tpu[table][slot], of_hosts[table][slot], 1e-5, 1e-5
        )
