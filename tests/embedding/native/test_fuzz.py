"""Random batches through the ops, compared with sums in numpy."""

import numpy as np
import pytest
import tensorflow as tf

# Seeds of small programs, and of such that several threads share.
SMALL, LARGE = range(40), range(1000, 1003)
SEEDS = [*SMALL, *LARGE]
# By table. The formulas of all optimizers are the oracle matrix's.
RATES = (0.5, 0.1, 0.02)
# Of the sum of what is summed: many times what float32 loses.
BAR = 5e-6


@pytest.fixture(params=SEEDS)
def seed(request):
    return request.param


@pytest.fixture
def rng(seed):
    return np.random.default_rng(seed)


@pytest.fixture
def program(programs, rng, seed):
    return programs.draw_program(rng, scale=400 if seed in LARGE else 1)


def partitioned(ops, programs, program, batch):
    """Returns (rows, segments, coefficients, table_ends) of each host."""
    found = ops.shardline_partition(
        **programs.partition_inputs(program, batch), **program.partition_attributes()
    )
    return list(zip(*found, strict=True))


def summed(count, to, coefficients, values):
    """Sums coefficient * value into rows: float64 [2, count, dim].

    First the sums, then those of the absolute values.
    """
    found = np.zeros((2, count, values.shape[1]))
    parts = coefficients[:, np.newaxis].astype(np.float64) * values
    np.add.at(found[0], to.astype(int), parts)
    np.add.at(found[1], to.astype(int), abs(parts))
    return found


def assert_within(got, expected, size):
    assert np.all(abs(got - expected) <= BAR * (1 + size))


def test_random_batches_are_split_as_counted_by_hand(ops, programs, program, rng):
    batch = programs.draw_entries(rng, program)
    terms = programs.terms(program, batch)
    hosts = partitioned(ops, programs, program, batch)
    for (rows, segments, coefficients, ends), expected in zip(
        hosts, terms, strict=True
    ):
        sizes = [len(table.rows) for table in expected]
        np.testing.assert_array_equal(ends, np.cumsum(sizes))
        if expected:
            by_hand = [np.concatenate(column) for column in zip(*expected, strict=True)]
            np.testing.assert_array_equal(rows, by_hand[0])
            np.testing.assert_array_equal(segments, by_hand[1])
            np.testing.assert_allclose(coefficients, by_hand[2], rtol=1e-5)


def test_random_lookups_are_sums_of_rows(ops, programs, program, rng, seed):
    batch = programs.draw_entries(rng, program)
    terms = programs.terms(program, batch)
    hosts = partitioned(ops, programs, program, batch)
    variables = programs.variables(program, seed)
    so_far = {}
    expected = [
        np.zeros((2, program.rows_of(t), table.dim))
        for t, table in enumerate(program.tables)
    ]
    for host, columns in enumerate(hosts):
        own, features = program.tables_on(host), program.features_on(host)
        if not features:
            continue
        found = ops.shardline_lookup(
            programs.handles(variables[host]),
            *columns,
            [so_far[f] for f in features if f in so_far],
            feature_count=len(features),
            quantization=[0.0] * 3 * len(own),
            **program.sizes(host),
        )
        so_far |= dict(zip(features, found, strict=True))
        for t, term, variable in zip(own, terms[host], variables[host], strict=True):
            rows = variable.numpy()[term.rows.astype(int)]
            expected[t] += summed(
                program.rows_of(t), term.segments, term.coefficients, rows
            )
    # Host 0 holds rows of every table.
    assert sorted(so_far) == list(range(len(program.features)))
    for f, first in enumerate(program.first_segments()):
        feature = program.features[f]
        own = slice(first, first + feature.rows)
        assert_within(so_far[f].numpy(), *expected[feature.table][:, own])


@pytest.mark.parametrize("replicas", [1, 2])
def test_random_updates_sum_each_rows_gradient(
    ops, programs, program, rng, seed, replicas
):
    batches = [programs.draw_entries(rng, program) for _ in range(replicas)]
    terms = [programs.terms(program, batch) for batch in batches]
    hosts = zip(
        *(partitioned(ops, programs, program, batch) for batch in batches), strict=True
    )
    # By replica and table, which the gradients of its features are parts of.
    gradients = [
        [
            rng.normal(size=(program.rows_of(t), table.dim)).astype(np.float32)
            for t, table in enumerate(program.tables)
        ]
        for _ in batches
    ]
    variables = programs.variables(program, seed)
    slots = [[tf.Variable(tf.fill(v.shape, 0.1)) for v in own] for own in variables]
    rules = [str(rng.choice(["sgd", "adagrad"])) for _ in program.tables]
    firsts = program.first_segments()
    for host, parts in enumerate(hosts):
        own, features = program.tables_on(host), program.features_on(host)
        if not features:
            continue
        before = [variable.numpy() for variable in variables[host]]
        used = [
            slot for t, slot in zip(own, slots[host], strict=True) if rules[t] != "sgd"
        ]
        ops.shardline_update(
            programs.handles(variables[host]),
            programs.handles(used),
            *zip(*parts, strict=True),
            [
                replica[program.features[f].table][firsts[f] :][
                    : program.features[f].rows
                ]
                for replica in gradients
                for f in features
            ],
            [RATES[t] for t in own],
            [],
            **program.sizes(host),
            rules=[rules[t] for t in own],
            options=[-np.inf, np.inf, -np.inf, np.inf, *[0.0] * 6] * len(own),
            flags=[True, *[False] * 6] * len(own),
        )
        for at, t in enumerate(own):
            total, size = sum(
                summed(
                    len(before[at]),
                    replica[host][at].rows,
                    replica[host][at].coefficients,
                    gradient[t][replica[host][at].segments.astype(int)],
                )
                for replica, gradient in zip(terms, gradients, strict=True)
            )
            root = 1.0
            if rules[t] == "adagrad":
                assert_within(slots[host][at].numpy(), 0.1 + total**2, 2 * size**2)
                root = np.sqrt(0.1 + total**2)
            expected = before[at] - RATES[t] * total / root
            assert_within(variables[host][at].numpy(), expected, abs(before[at]) + size)


@pytest.mark.parametrize("size", [0, 1, 7, 16, 1000, 200_001])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found(ops, size, bad):
    good = np.full([size, 1], 3e38, np.float32)
    ops.shardline_check_finite([good, good], table_names=["a", "b"])
    for place in {0, size // 2, size - 1} if size else ():
        spoiled = good.copy()
        spoiled[place] = bad
        with pytest.raises(tf.errors.InvalidArgumentError, match="Table 'b'"):
            ops.shardline_check_finite([good, spoiled], table_names=["a", "b"])
