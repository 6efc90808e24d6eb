"""What a table does with input it cannot use: one policy a table, for every input.

The policy is the same for dense, sparse and ragged ids, in training and in serving:

| | error | drop | oov_row |
|---|---|---|---|
| id < 0, id >= vocabulary_size | error | left out | the table's last row |
| weight NaN, infinite, or negative under mean and sqrtn | error | left out | left out |
| gradient not finite | error, nothing updated | row not updated | row not updated |

An example without ids, or whose ids are all left out, gives zeros. A weight of 0 is
valid: it adds nothing. A negative weight is valid under the combiner sum.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import tensorflow as tf

from shardline.embedding.inputs.assertions import after
from shardline.embedding.inputs.weights import are_finite_and_not_negative

Policy: TypeAlias = Literal["error", "drop", "oov_row"]
Policies: TypeAlias = Policy | Mapping[str, Policy]

DEFAULT: Policy = "error"

REMEDY = "Mend the preprocessing, or give the table the policy drop or oov_row."


def policy_of_tables(policies: Policies | None, names: list[str]) -> dict[str, Policy]:
    """Returns each table's policy.

    Args:
        policies: one policy for all tables, or policies by table name. Tables that are
            not named get "error"; so do all tables if it is None.
        names: the names of all tables.

    Raises:
        ValueError: if a policy or a table is unknown.
    """
    if policies is None or isinstance(policies, str):
        policy_of = dict.fromkeys(names, policies or DEFAULT)
    else:
        policy_of = {**dict.fromkeys(names, DEFAULT), **policies}
    unknown = sorted(set(policy_of) - set(names))
    if unknown:
        raise ValueError(
            f"policies name the tables {unknown}, which no feature uses. The tables "
            f"are {sorted(names)}."
        )
    for name, policy in policy_of.items():
        if policy not in get_args(Policy):
            raise ValueError(
                f"Table '{name}': policy must be one of {get_args(Policy)}, got "
                f"{policy!r}."
            )
    return policy_of


def ids_message(path: str, table: str, vocabulary_size: int) -> str:
    """Returns what is said of ids that are refused, up to the ids themselves.

    Args:
        path: the path of the feature.
        table: name of its table.
        vocabulary_size: rows of the table.
    """
    return (
        f"Feature '{path}': ids of table '{table}' must lie in [0, {vocabulary_size}), "
        "got ids from"
    )


def weights_message(path: str, combiner: str) -> str:
    """Returns what is said of weights that are refused, up to the weights themselves.

    Args:
        path: the path of the feature.
        combiner: the combiner of its table.
    """
    return (
        f"Feature '{path}': weights under the combiner {combiner} must be finite"
        f"{' and not negative' if combiner != 'sum' else ''}"
    )


def usable_ids(
    policy: Policy, ids: tf.Tensor, vocabulary_size: int, path: str, table: str
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Applies the policy to ids.

    Args:
        policy: the table's.
        ids: int64 [n].
        vocabulary_size: rows of the table.
        path: the path of the feature, for messages.
        table: name of the table, for messages.

    Returns:
        The ids, and bool [n] of those to keep or None for all.
    """
    valid = (ids >= 0) & (ids < vocabulary_size)
    if policy == "drop":
        return ids, valid
    if policy == "oov_row":
        return tf.where(valid, ids, tf.constant(vocabulary_size - 1, tf.int64)), None
    in_range = tf.debugging.Assert(
        tf.reduce_all(valid),
        [
            ids_message(path, table, vocabulary_size),
            tf.reduce_min(ids),
            "to",
            tf.reduce_max(ids),
            REMEDY,
        ],
    )
    with after(in_range):
        return tf.identity(ids), None


def usable_weights(
    policy: Policy, weights: tf.Tensor, combiner: str, path: str
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Applies the policy to weights.

    Args:
        policy: the policy of the table.
        weights: float32 [n].
        combiner: the combiner of the table.
        path: the path of the feature, for messages.

    Returns:
        The weights, and bool [n] of those to keep or None for all.
    """
    valid = (
        tf.math.is_finite(weights)
        if combiner == "sum"
        else are_finite_and_not_negative(weights)
    )
    if policy != "error":
        return weights, valid
    usable = tf.debugging.Assert(
        tf.reduce_all(valid),
        [
            f"{weights_message(path, combiner)}, got",
            tf.boolean_mask(weights, ~valid),
            REMEDY,
        ],
    )
    with after(usable):
        return tf.identity(weights), None
