"""The kit on the emulated TPU, and the graphs it would give to one with SparseCores."""

from unittest import mock

import pytest
import tensorflow as tf

from shardline.embedding.conformance import tensors
from shardline.embedding.conformance.configuration import StepNumber, feature_config
from shardline.embedding.conformance.golden import GROUPS, read_groups
from shardline.embedding.conformance.tpu_placement import TPUPlacement
from shardline.embedding.tpu import backend

pytestmark = pytest.mark.timeout(600)

UNSUPPORTED = ("policies", "accumulation")


@pytest.mark.parametrize(
    ("hosts", "cores", "names"), [(2, 2, GROUPS), (1, 3, ("sequences", "staleness"))]
)
def test_engine_on_the_emulated_tpu_passes(hosts, cores, names, on_emulated_tpu, check):
    report = check(on_emulated_tpu(hosts, cores), *names)
    assert report.placement == f"TPU emulated with {cores} cores"
    assert report.has_passed
    for group in report.groups:
        expected = "not supported" if group.name in UNSUPPORTED else "passed"
        assert group.verdict == expected
    unsupported = {
        case.name
        for group in report.groups
        if group.verdict == "passed"
        for case in group.cases
        if case.verdict == "not supported"
    }
    assert unsupported == ({"weights-sum-to-zero"} if "inputs" in names else set())


@pytest.fixture
def traced(fake_tpu):
    """Traces a step of a group for four cores of two hosts that exist by name."""
    placement = TPUPlacement("mine", lambda _: fake_tpu.FakeResolver(2, 2))

    def trace(group, change=lambda engine: None):
        (found,) = read_groups([group])
        cases = [c for c in found.cases if not placement.refusal(c, found.pipelined)]
        number = StepNumber()
        config = feature_config(cases, number)
        never = mock.patch.object(backend, "is_engine_initialized", return_value=False)
        with tf.Graph().as_default(), never:
            engine = placement.engine(config, pipelined=found.pipelined, policies=None)
            arguments = tf.nest.map_structure(
                tensors.spec_of, tensors.arguments_of(cases, 0)
            )
            engine.build(tf.nest.map_structure(lambda spec: spec.shape, arguments[0]))
            change(engine)
            step = placement.step(engine, number, training=True)
            function = tf.function(step, autograph=False)
            return placement, function.get_concrete_function(*arguments).graph

    return trace


@pytest.mark.parametrize(
    "group", ["inputs", "sequences", "optimizers", "learning_rates", "staleness"]
)
def test_graphs_that_a_tpu_gets_pass_its_check(group, traced):
    placement, graph = traced(group)
    placement.check(graph)


def test_step_that_would_hang_is_found_before_it_runs(traced):
    def without_gradients(engine):
        engine.apply_gradients = lambda gradients: None

    placement, graph = traced("quantization", without_gradients)
    with pytest.raises(ValueError, match="whose gradients are never sent"):
        placement.check(graph)


@pytest.fixture
def on_sparse_cores(fake_tpu):
    """A placement on SparseCores that exist by name."""
    return TPUPlacement("mine", lambda _: fake_tpu.FakeResolver(1, 2, sparse_cores=4))


def case_of(group, name):
    (found,) = read_groups([group])
    return next(case for case in found.cases if case.name == name)


@pytest.mark.parametrize(
    ("group", "name", "pipelined", "reason"),
    [
        ("optimizers", "adam", False, ""),
        ("optimizers", "sgd-clipvalue", False, "not implemented"),
        ("sequences", "ragged-sgd", False, "not implemented"),
        ("staleness", "adagrad", True, "compiler decides"),
        ("policies", "bad-ids-dense-error", False, "it has no policies"),
    ],
)
def test_what_sparse_cores_do_not_have_is_said(
    group, name, pipelined, reason, on_sparse_cores
):
    found = on_sparse_cores.refusal(case_of(group, name), pipelined)
    assert reason in found
    assert bool(reason) == bool(found)


def test_step_of_sparse_cores_enqueues_in_the_program(on_sparse_cores):
    case = case_of("inputs", "dense")
    number = StepNumber()
    config = feature_config([case], number)
    with tf.Graph().as_default():
        engine = on_sparse_cores.engine(config, pipelined=False, policies=None)
        engine.build(case.examples)
        step = on_sparse_cores.step(engine, number, training=True)
        ids = {case.name: dict.fromkeys(("left", "right"), tf.constant([1, 2, 3, 4]))}
        gradients = {
            case.name: dict.fromkeys(("left", "right"), tf.zeros([4, 3])),
        }
        results = step(ids, None, gradients, tf.constant(0))
    assert len(results) == 2


def test_fake_tpu_without_an_engine_running_names_its_cores(fake_tpu):
    placement = TPUPlacement("mine", lambda _: fake_tpu.FakeResolver(1, 1))
    assert placement.name == "TPU mine with 1 core"
    assert [other.name for other in placement.others()] == ["1 CPU host"]


def test_second_engine_starts_the_system_anew(fake_tpu):
    connected = []

    def connect(name):
        connected.append(name)
        return fake_tpu.FakeResolver(1, 1)

    placement = TPUPlacement("mine", connect)
    config = feature_config([case_of("inputs", "dense")], StepNumber())
    for _ in range(3):
        placement.engine(config, pipelined=False, policies=None)
    assert connected == ["mine"] * 3
