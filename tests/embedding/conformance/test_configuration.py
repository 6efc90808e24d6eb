"""Cases become features, tables and optimizers with all their options."""

import tensorflow as tf

from shardline.embedding.conformance.configuration import (
    StepNumber,
    feature_config,
    policies,
)
from shardline.embedding.conformance.golden import read_groups


def configured(group, name):
    """Returns the left feature of a case, and the number of its step."""
    (found,) = read_groups([group])
    case = next(case for case in found.cases if case.name == name)
    number = StepNumber()
    return feature_config([case], number)[name]["left"], number


def test_both_features_share_one_table_of_the_cases_name():
    (group,) = read_groups(["inputs"])
    for name, pair in feature_config(group.cases, StepNumber()).items():
        assert pair["left"].table is pair["right"].table
        assert pair["left"].table.name == name


def test_options_reach_the_optimizer():
    feature, _ = configured("optimizers", "adagrad-clips-decay")
    optimizer = feature.table.optimizer
    assert (optimizer.clip_gradient_min, optimizer.clip_gradient_max) == (-0.8, 0.6)
    assert (optimizer.clip_weight_min, optimizer.clip_weight_max) == (-1.0, 0.9)
    assert optimizer.weight_decay_factor == 0.1
    assert optimizer.learning_rate == 0.05


def test_learning_rate_is_that_of_the_step():
    feature, number = configured("learning_rates", "adam")
    rate = feature.table.optimizer.learning_rate
    found = []
    for step in range(3):
        number.value = tf.constant(step)
        found.append(round(float(rate()), 6))
    assert found == [0.05, 0.2, 0.01]


def test_forms_of_features_and_tables_are_set():
    feature, _ = configured("quantization", "sgd-9-buckets")
    assert feature.table.quantization_config.num_buckets == 9
    feature, _ = configured("sequences", "ragged-sgd")
    assert feature.max_sequence_length == 3
    feature, _ = configured("sequences", "output-shape-sgd")
    assert feature.output_shape.as_list() == [4, 3]


def test_policies_name_the_tables_that_have_one():
    (group,) = read_groups(["policies"])
    found = policies(group.cases)
    assert set(found.values()) == {"drop", "oov_row"}
    assert len(found) == 14
    (group,) = read_groups(["inputs"])
    assert policies(group.cases) is None
