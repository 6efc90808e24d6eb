"""Where tables and slots lie, and what they start with."""

import functools
import threading

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.config import initializers
from shardline.embedding.config.specs import TableSpec
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tables.sharded_variable import on_every_task

tpu = tf.tpu.experimental.embedding


def test_default_hosts_are_all_logical_cpus(config):
    (sharded,) = TPUEmbedding(config, tpu.SGD(0.1)).embedding_tables.values()
    assert [v.device.split(":")[-1] for v in sharded.variables] == ["0", "1", "2"]


def test_tables_and_slots_lie_on_their_hosts(cases, config):
    engine = cases.start(config, tpu.Adam(0.1), host_count=2)
    (slots,) = engine.slot_variables.values()
    for sharded in (*engine.embedding_tables.values(), *slots.values()):
        devices = [variable.device for variable in sharded.variables]
        assert [device.split("/")[-1] for device in devices] == [
            "device:CPU:0",
            "device:CPU:1",
        ]


@pytest.mark.parametrize(
    ("rows", "host_count", "expected"),
    [(11, 1, [11]), (11, 2, [6, 5]), (11, 3, [4, 4, 3]), (12, 3, [4, 4, 4])],
)
def test_rows_lie_on_hosts_in_contiguous_ranges(cases, rows, host_count, expected):
    config = cases.feature(cases.table(rows=rows))
    engine = cases.start(config, tpu.SGD(0.1), host_count)
    (sharded,) = engine.embedding_tables.values()
    assert [variable.shape[0] for variable in sharded.variables] == expected


@pytest.mark.parametrize("rows", [1, 2])
def test_table_with_fewer_rows_than_hosts_trains(cases, rows):
    engine = cases.start(
        {"clicks": cases.feature(cases.table(rows=rows))}, tpu.SGD(0.5)
    )
    before = cases.values(rows)
    engine.enqueue(cases.clicks(0, rows - 1))
    np.testing.assert_array_equal(engine.dequeue()["clicks"], before[[0, rows - 1]])
    engine.apply_gradients(cases.ones())
    expected = before - (1.0 if rows == 1 else 0.5)
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


def test_full_table_constant_initializes_every_host(cases):
    table = tpu.TableConfig(
        vocabulary_size=11,
        dim=3,
        name="items",
        initializer=tf.constant_initializer(cases.values()),
    )
    engine = TPUEmbedding(cases.feature(table), tpu.SGD(0.1), hosts=cases.hosts(3))
    np.testing.assert_array_equal(cases.parameters(engine), cases.values())


def test_seeded_initializer_gives_same_table_on_any_number_of_hosts(cases):
    tables = []
    for host_count in (1, 2, 3):
        table = tpu.TableConfig(
            vocabulary_size=11,
            dim=3,
            name="items",
            initializer=tf.random_normal_initializer(seed=3),
        )
        engine = TPUEmbedding(
            cases.feature(table), tpu.SGD(0.1), hosts=cases.hosts(host_count)
        )
        tables.append(cases.parameters(engine))
    assert len(np.unique(tables[0])) > 11
    np.testing.assert_array_equal(tables[1], tables[0])
    np.testing.assert_array_equal(tables[2], tables[0])


def test_slots_start_with_the_optimizers_values(cases, config):
    engine = cases.start(config, tpu.Adagrad(0.1, initial_accumulator_value=0.25))
    (slots,) = engine.slot_variables.values()
    assert list(slots) == ["accumulators"]
    np.testing.assert_array_equal(
        cases.read(slots["accumulators"]), np.full([11, 3], 0.25)
    )


def host_table(cases, optimizer=None, host_count=3, preload=None, **options):
    """Returns the table "items" of [11, 3] on its own, without an engine."""
    options.setdefault("initializer", tf.zeros_initializer())
    config = tpu.TableConfig(vocabulary_size=11, dim=3, name="items", **options)
    spec = TableSpec("items", config, optimizer, (0,))
    return HostTable(spec, cases.hosts(host_count), preload)


@pytest.mark.parametrize(
    "strategy",
    [
        lambda: tf.distribute.MirroredStrategy(["/CPU:0", "/CPU:1"]),
        lambda: tf.distribute.OneDeviceStrategy("/CPU:1"),
        tf.distribute.MultiWorkerMirroredStrategy,
        tf.distribute.get_strategy,
    ],
    ids=["mirrored", "one_device", "multi_worker", "none"],
)
def test_variables_are_plain_under_any_strategy(cases, strategy):
    with strategy().scope():
        table = host_table(cases, tpu.Adam(0.1))
    plain = type(tf.Variable(0.0))
    for host, (device, parameters, slots) in enumerate(table.shards()):
        assert device == f"/CPU:{host}"
        for variable in (parameters, *slots):
            assert type(variable) is plain
            assert variable.device.endswith(f"/device:CPU:{host}")


def test_parameters_are_trainable_and_slots_are_not(cases):
    table = host_table(cases, tpu.Adagrad(0.1))
    assert all(shard.trainable for shard in table.parameters.variables)
    assert not any(shard.trainable for shard in table.slots["accumulators"].variables)


@pytest.mark.parametrize("host_count", [1, 2, 3])
@pytest.mark.parametrize("rows_per_block", [1, 4, 1000])
def test_table_of_many_blocks_is_the_same_on_any_hosts(
    cases, monkeypatch, host_count, rows_per_block
):
    monkeypatch.setattr(initializers, "BLOCK_VALUES", rows_per_block * 3)
    initializer = tf.random_normal_initializer(seed=3)
    one = host_table(cases, host_count=1, initializer=initializer)
    many = host_table(cases, host_count=host_count, initializer=initializer)
    np.testing.assert_array_equal(
        cases.read(many.parameters), cases.read(one.parameters)
    )
    assert len(np.unique(cases.read(many.parameters))) == 33


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (tpu.SGD(0.1), {}),
        (tpu.Adagrad(0.1, initial_accumulator_value=0.25), {"accumulators": 0.25}),
        (tpu.AdagradMomentum(0.1), {"accumulators": 0.0, "momenta": 0.0}),
        (tpu.Adam(0.1), {"momenta": 0.0, "velocities": 0.0}),
        (
            tpu.FTRL(0.1, initial_accumulator_value=0.5),
            {"accumulators": 0.5, "linears": 0.0},
        ),
    ],
)
def test_every_optimizer_gets_its_slots(cases, optimizer, expected):
    table = host_table(cases, optimizer)
    assert list(table.slots) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(
            cases.read(table.slots[name]), np.full([11, 3], value, np.float32)
        )


def test_table_without_optimizer_has_no_slots(cases):
    table = host_table(cases)
    assert table.slots == {}
    assert [slots for _, _, slots in table.shards()] == [(), (), ()]


def test_no_value_is_made_for_what_a_checkpoint_will_fill(cases):
    def fails(shape, dtype):
        raise AssertionError("called")

    waiting = {"items": object()}
    table = host_table(cases, tpu.Adagrad(0.1), preload=waiting.get, initializer=fails)
    np.testing.assert_array_equal(cases.read(table.parameters), np.zeros([11, 3]))
    assert np.all(cases.read(table.slots["accumulators"]) == np.float32(0.1))


def slots_of(create):
    """Returns Adagrad whose slots `create` makes."""
    return tpu.Adagrad(0.1, slot_variable_creation_fn=create)


def by_partial(table, names, initializers):
    return {
        name: tf.Variable(
            name=f"mine/{name}",
            initial_value=functools.partial(
                initializer, shape=table.shape, dtype=tf.float32
            ),
            trainable=False,
        )
        for name, initializer in zip(names, initializers, strict=True)
    }


def by_positional_partial(table, names, initializers):
    return {names[0]: tf.Variable(functools.partial(initializers[0], table.shape))}


def by_shape(table, names, initializers):
    return {names[0]: tf.Variable(initializers[0], shape=table.shape, dtype=tf.float32)}


@pytest.mark.parametrize("host_count", [1, 3])
@pytest.mark.parametrize("create", [by_partial, by_positional_partial, by_shape])
def test_user_made_slots_lie_on_the_tables_hosts(cases, create, host_count):
    table = host_table(cases, slots_of(create), host_count)
    slot = table.slots["accumulators"]
    assert [shard.device for shard in slot.variables] == [
        shard.device for shard in table.parameters.variables
    ]
    np.testing.assert_array_equal(
        cases.read(slot), np.full([11, 3], 0.1, dtype=np.float32)
    )


def test_user_made_slots_keep_their_names(cases):
    table = host_table(cases, slots_of(by_partial))
    assert table.slots["accumulators"].name == "mine/accumulators"


def test_user_made_slots_are_the_variables_that_train(cases):
    optimizer = slots_of(by_partial)
    engine = cases.start({"clicks": cases.feature(cases.table())}, optimizer)
    engine.enqueue(cases.clicks(0, 10))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    ((slot,),) = (slots.values() for slots in engine.slot_variables.values())
    accumulators = cases.read(slot)
    np.testing.assert_allclose(accumulators[[0, 10]], np.full([2, 3], 1.1), rtol=1e-6)
    np.testing.assert_allclose(accumulators[1:10], np.full([9, 3], 0.1), rtol=1e-6)


def test_slot_variable_from_elsewhere_serves_one_host(cases):
    mine = tf.Variable(tf.fill([11, 3], 0.5))
    table = host_table(cases, slots_of(lambda *_: {"accumulators": mine}), 1)
    assert table.slots["accumulators"].variables == [mine]


def elsewhere(*_):
    with tf.init_scope():
        return {"accumulators": ELSEWHERE}


ELSEWHERE = tf.Variable(tf.zeros([11, 3]))


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (elsewhere, r"returned ResourceVariable of shape \(11, 3\) for 'accumulators'"),
        (lambda *_: {"accumulators": 3.0}, "returned float for 'accumulators'"),
        (
            lambda *_: {},
            r"must return a dict with the slots \['accumulators'\]; got the",
        ),
        (
            lambda *a: by_partial(*a) | {"more": None},
            r"got the slots \['accumulators', 'more'\]",
        ),
        (lambda *a: list(by_partial(*a).values()), "got list"),
        (
            lambda table, *_: {"accumulators": tf.Variable(tf.zeros([11, 3]))},
            "Unable to extract initializer function and shape from",
        ),
        (
            lambda table, *_: {"accumulators": tf.Variable(lambda: tf.zeros([11, 3]))},
            "Unable to extract initializer function and shape from",
        ),
        (
            lambda table, names, make: {
                names[0]: tf.Variable(functools.partial(make[0], shape=[11, 4]))
            },
            r"created a variable of shape \(11, 4\); a slot has the table's shape",
        ),
    ],
)
def test_other_user_made_slots_are_refused(cases, create, message):
    with pytest.raises(ValueError, match=message):
        host_table(cases, slots_of(create))


def test_work_of_several_tasks_runs_at_the_same_time():
    """And that of a task's devices in turn, in order."""
    devices = [
        f"/job:worker/replica:0/task:{task}/device:CPU:{index}"
        for task in (0, 1)
        for index in (0, 1)
    ]
    meeting = threading.Barrier(2, timeout=60)
    done = []

    def work(part):
        meeting.wait()
        done.append(part)

    on_every_task(devices, work)
    assert sorted(done) == [0, 1, 2, 3]
    assert [part for part in done if part < 2] == [0, 1]
    assert [part for part in done if part > 1] == [2, 3]


def test_error_of_one_task_is_raised():
    def work(part):
        if part == 1:
            raise ValueError("of task 1")

    with pytest.raises(ValueError, match="of task 1"):
        on_every_task(["/job:worker/task:0/CPU:0", "/job:worker/task:1/CPU:0"], work)
