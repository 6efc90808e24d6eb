"""Every public error of lookups for serving, and of the configuration objects."""

import pytest
import tensorflow as tf

from shardline.embedding import serving_embedding_lookup

tpu = tf.tpu.experimental.embedding

TABLE = tpu.TableConfig(6, 2, name="items")
SEQUENCE = {"max_sequence_length": 2}

DENSE = tf.constant([1, 2])
SPARSE = tf.SparseTensor([[0, 0], [1, 0]], [1, 2], [2, 3])
RAGGED = tf.ragged.constant([[1], [2]])
SPARSE_WEIGHTS = SPARSE.with_values(tf.ones([2]))

# What is wrong, the message, inputs, weights, options of the FeatureConfig of "seen".
SERVING = [
    (
        "weights of dense ids",
        r"Weight specified for .*seen'?, but input is dense\.",
        {"seen": DENSE},
        {"seen": tf.ones([2])},
        {},
    ),
    (
        "dense weights of sparse ids",
        "seen.*but it does not match type of the input which is",
        {"seen": SPARSE},
        {"seen": tf.ones([2])},
        {},
    ),
    (
        "sparse weights of ragged ids",
        "seen.*but it does not match type of the input which is",
        {"seen": RAGGED},
        {"seen": SPARSE_WEIGHTS},
        {},
    ),
    (
        "weights of a sequence",
        r"Weight specified for '?seen'?, but this is a sequence feature\.",
        {"seen": SPARSE},
        {"seen": SPARSE_WEIGHTS},
        SEQUENCE,
    ),
    (
        "dense ids of a sequence",
        r"'?seen'? is a sequence feature but a dense tensor was passed\.",
        {"seen": DENSE},
        None,
        SEQUENCE,
    ),
    (
        "no tensor",
        r"seen.* is of unknown type .*Tensor, SparseTensor or RaggedTensor expected\.",
        {"seen": "ids"},
        None,
        {},
    ),
    (
        "float ids",
        "'seen': ids must be int32 or int64, got float32",
        {"seen": tf.ones([2])},
        None,
        {},
    ),
    (
        "a feature too many",
        "Inputs are not a subset of feature_config",
        {"seen": DENSE, "bought": DENSE},
        None,
        {},
    ),
    (
        "output_shape of other examples",
        "Output shape set in the FeatureConfig should be the factor of the input data "
        "batch size",
        {"seen": RAGGED},
        None,
        {"output_shape": [3]},
    ),
    (
        "ragged ids of rank 3",
        "Only rank 2 ragged tensor is supported",
        {"seen": tf.ragged.constant([[[1]]])},
        None,
        {},
    ),
    (
        "weights of another nest",
        "The two structures don't have the same nested structure",
        {"seen": SPARSE},
        [SPARSE_WEIGHTS],
        {},
    ),
]


@pytest.mark.parametrize(
    ("message", "ids", "weights", "options"),
    [wrong[1:] for wrong in SERVING],
    ids=[wrong[0] for wrong in SERVING],
)
def test_wrong_lookup_is_refused(message, ids, weights, options):
    config = {"seen": tpu.FeatureConfig(TABLE, **options)}
    tables = {TABLE: tf.Variable(tf.zeros([6, 2]))}
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        serving_embedding_lookup(ids, weights, tables, config)


# Errors of TensorFlow's own configuration classes, which users of the engine meet.
CONFIGURATION = [
    (lambda: tpu.TableConfig(0, 2), "vocabulary_size"),
    (lambda: tpu.TableConfig(4, 0), "dim"),
    (lambda: tpu.TableConfig(4, 2, combiner="max"), "combiner"),
    (lambda: tpu.TableConfig(4, 2, initializer=3), "initializer"),
    (lambda: tpu.FeatureConfig(3), "table"),
    (lambda: tpu.FeatureConfig(TABLE, max_sequence_length=-1), "max_sequence_length"),
    (
        lambda: tpu.FeatureConfig(TABLE, validate_weights_and_indices=3),
        "validate_weights_and_indices",
    ),
    (lambda: tpu.QuantizationConfig(1, 0, 1), "num_buckets"),
    (lambda: tpu.Adagrad(0.1, initial_accumulator_value=0), "accumulator"),
    (lambda: tpu.FTRL(0.1, initial_accumulator_value=0), "accumulator"),
    (lambda: tpu.Adam(0.1, epsilon=0), "epsilon"),
    (lambda: tpu.Adam(0.1, beta_1=1.5), "beta"),
    (
        lambda: tpu.Adagrad(0.1, use_gradient_accumulation=False, clipvalue=1.0),
        "gradient clipping cannot be used",
    ),
    (
        lambda: tpu.Adam(0.1, lazy_adam=False, use_gradient_accumulation=False),
        "use_gradient_accumulation",
    ),
]


@pytest.mark.parametrize(
    ("make", "named"), CONFIGURATION, ids=[named for _, named in CONFIGURATION]
)
def test_wrong_configuration_object_is_refused(make, named):
    with pytest.raises(ValueError, match=named):
        make()
