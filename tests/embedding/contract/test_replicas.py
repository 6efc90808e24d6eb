"""Steps over two replicas: whose activations, whose gradients, one update a row."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

RULES = {
    "SGD": (tpu.SGD(0.1), {"learning_rate": 0.1}),
    "Adagrad": (tpu.Adagrad(0.1), {"learning_rate": 0.1}),
    "Adam": (tpu.Adam(0.1, epsilon=1e-3), {"learning_rate": 0.1, "epsilon": 1e-3}),
}


def batch_of(replica_batch, strategy, kind="sparse"):
    return replica_batch.distributed(
        strategy, lambda examples: replica_batch.inputs(kind, examples)
    )


@pytest.mark.parametrize(
    ("kind", "host_count"),
    [("dense", 3), ("sparse", 1), ("sparse", 3), ("ragged", 2)],
)
def test_each_replica_gets_the_activations_of_its_examples(
    replica_batch, oracle, replicas, sgd, kind, host_count
):
    engine = replica_batch.engine(replicas, sgd, host_count)
    look_up = replica_batch.look_up_step(replicas, engine)
    got = replica_batch.gathered(
        replicas, look_up(batch_of(replica_batch, replicas, kind))
    )
    replica_batch.assert_close(
        got, replica_batch.expected_activations(oracle, kind), 1e-6
    )


@pytest.mark.parametrize(
    ("name", "host_count"), [("SGD", 1), ("Adagrad", 3), ("Adam", 2)]
)
def test_gradients_of_all_replicas_update_a_row_once(
    cases, replica_batch, oracle, replicas, name, host_count
):
    optimizer, options = RULES[name]
    engine = replica_batch.engine(replicas, optimizer, host_count)
    step = replica_batch.training_step(replicas, engine)
    for _ in range(3):
        step(batch_of(replica_batch, replicas))
    rule = getattr(oracle, name)(**options)
    replica_batch.assert_close(
        cases.state(engine), replica_batch.expected_state(oracle, rule, steps=3)
    )


@pytest.mark.parametrize("kind", ["dense", "ragged"])
def test_two_replicas_train_as_one_with_the_whole_batch(
    cases, replica_batch, replicas, kind
):
    single = tf.distribute.get_strategy()
    alone = replica_batch.engine(
        single, tpu.Adagrad(0.1), batch_size=replica_batch.GLOBAL_BATCH
    )
    replica_batch.training_step(single, alone)(replica_batch.inputs(kind))
    both = replica_batch.engine(replicas, tpu.Adagrad(0.1))
    replica_batch.training_step(replicas, both)(batch_of(replica_batch, replicas, kind))
    replica_batch.assert_close(cases.state(both), cases.state(alone))


@pytest.mark.parametrize(
    "strategy",
    [
        tf.distribute.OneDeviceStrategy("/CPU:1"),
        tf.distribute.MirroredStrategy(["CPU:2"]),
        tf.distribute.MirroredStrategy(["CPU:0", "CPU:1", "CPU:2"]),
    ],
    ids=["one device", "mirrored over one", "mirrored over three"],
)
def test_other_strategies_train_alike(cases, replica_batch, oracle, strategy):
    engine = replica_batch.engine(
        strategy, tpu.SGD(0.1), batch_size=replica_batch.GLOBAL_BATCH
    )
    batch = strategy.experimental_distribute_values_from_function(
        lambda context: replica_batch.inputs("sparse")
    )
    replica_batch.training_step(strategy, engine)(batch)
    # Every replica holds the whole batch here, and adds its gradients.
    rule = oracle.SGD(0.1 * strategy.num_replicas_in_sync)
    replica_batch.assert_close(
        cases.state(engine), replica_batch.expected_state(oracle, rule)
    )


def test_plain_tensors_reach_every_replica(replica_batch, oracle, replicas, sgd):
    engine = replica_batch.engine(replicas, sgd, batch_size=replica_batch.GLOBAL_BATCH)
    got = replica_batch.look_up_step(replicas, engine)(replica_batch.inputs("sparse"))
    expected = replica_batch.expected_activations(oracle)
    for name, value in got.items():
        for part in replicas.experimental_local_results(value):
            np.testing.assert_allclose(part, expected[name], rtol=1e-6)


def test_distributed_dataset_feeds_the_replicas(replica_batch, oracle, replicas, sgd):
    dataset = (
        tf.data.Dataset.from_tensors(replica_batch.inputs("sparse")).unbatch().repeat()
    )
    batches = replicas.experimental_distribute_dataset(
        dataset.batch(replica_batch.GLOBAL_BATCH, drop_remainder=True),
        tf.distribute.InputOptions(experimental_fetch_to_device=False),
    )
    engine = replica_batch.engine(replicas, sgd)
    iterator = iter(batches)

    @tf.function
    def step():
        engine.enqueue(next(iterator), training=False)
        return replicas.run(engine.dequeue)

    for _ in range(2):
        got = replica_batch.gathered(replicas, step())
        replica_batch.assert_close(
            got, replica_batch.expected_activations(oracle), 1e-6
        )


def test_loop_inside_one_function_trains_each_step(
    cases, replica_batch, oracle, replicas
):
    engine = replica_batch.engine(replicas, tpu.Adagrad(0.1))

    @tf.function
    def steps(batch):
        for _ in tf.range(3):
            engine.enqueue(batch)
            replicas.run(lambda: replica_batch.train(engine))

    steps(batch_of(replica_batch, replicas))
    rule = oracle.Adagrad(0.1)
    replica_batch.assert_close(
        cases.state(engine), replica_batch.expected_state(oracle, rule, steps=3)
    )


def test_dense_variable_of_the_same_step_stays_mirrored(
    cases, replica_batch, oracle, replicas
):
    with replicas.scope():
        scale = tf.Variable(1.0, aggregation=tf.VariableAggregation.SUM)
    engine = replica_batch.engine(replicas, tpu.SGD(0.1))

    @tf.function
    def step(batch):
        engine.enqueue(batch)

        def run():
            activations = replica_batch.train(engine)
            scale.assign_add(tf.reduce_sum(activations["seen"]))

        replicas.run(run)

    step(batch_of(replica_batch, replicas))
    total = 1 + replica_batch.expected_activations(oracle)["seen"].sum()
    for copy in replicas.experimental_local_results(scale):
        assert copy.numpy() == pytest.approx(total, rel=1e-5)
    replica_batch.assert_close(
        cases.state(engine), replica_batch.expected_state(oracle, oracle.SGD(0.1))
    )


def test_tables_are_on_their_hosts_once_and_not_mirrored(replica_batch, replicas, sgd):
    engine = replica_batch.engine(replicas, sgd, host_count=3)
    for table in engine.embedding_tables.values():
        assert len(table.variables) == 3
        for host, part in enumerate(table.variables):
            assert not isinstance(part, tf.distribute.DistributedValues)
            assert part.device.endswith(f"CPU:{host}")


def test_learning_rate_from_a_mirrored_variable_is_read_at_each_step(
    cases, replica_batch, oracle, replicas
):
    with replicas.scope():
        rate = tf.Variable(0.1)
    engine = replica_batch.engine(replicas, tpu.SGD(lambda: rate))
    step = replica_batch.training_step(replicas, engine)
    step(batch_of(replica_batch, replicas))
    after_one = replica_batch.expected_state(oracle, oracle.SGD(0.1))
    replica_batch.assert_close(cases.state(engine), after_one)
    rate.assign(0.0)
    step(batch_of(replica_batch, replicas))
    replica_batch.assert_close(cases.state(engine), after_one)


def test_missing_gradient_counts_as_zero_on_every_replica(
    cases, replica_batch, replicas
):
    engine = replica_batch.engine(replicas, tpu.Adagrad(0.1))

    @tf.function
    def step(batch):
        engine.enqueue(batch)

        def run():
            activations = engine.dequeue()
            engine.apply_gradients(
                {
                    "bought": None,
                    "seen": None,
                    "groups": tf.ones_like(activations["groups"]),
                }
            )

        replicas.run(run)

    step(batch_of(replica_batch, replicas))
    state = cases.state(engine)
    np.testing.assert_array_equal(
        state["items"]["parameters"], replica_batch.initial("items")
    )
    np.testing.assert_allclose(state["items"]["accumulators"], 0.1)
    # Row 8 is the only id of its example: its gradient is that of the activation.
    np.testing.assert_allclose(state["groups"]["accumulators"][8], 1.1, rtol=1e-6)


def test_replicas_with_batches_of_other_sizes_are_refused(replica_batch, replicas, sgd):
    engine = replica_batch.engine(replicas, sgd)
    uneven = replicas.experimental_distribute_values_from_function(
        lambda context: replica_batch.inputs(
            "ragged", slice(2 + context.replica_id_in_sync_group)
        )
    )
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError),
        match=r"Inconsistent shape|built for batches of",
    ):
        replica_batch.look_up_step(replicas, engine)(uneven)


def test_gradients_that_do_not_come_are_named_at_the_next_step(
    replica_batch, replicas, sgd
):
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def forward_only(batch):
        engine.enqueue(batch, training=True)
        return replicas.run(engine.dequeue)

    batch = batch_of(replica_batch, replicas)
    forward_only(batch)
    with pytest.raises(tf.errors.InvalidArgumentError, match="apply_gradients"):
        forward_only(batch)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_without_a_training_batch_are_named(
    replica_batch, replicas, sgd, training
):
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def apply_twice(batch):
        engine.enqueue(batch, training=training)

        def run():
            activations = engine.dequeue()
            for _ in range(1 + training):
                engine.apply_gradients(activations)

        replicas.run(run)

    with pytest.raises(
        tf.errors.InvalidArgumentError, match="no training batch awaits gradients"
    ):
        apply_twice(batch_of(replica_batch, replicas))
