"""What a table does with input it cannot use: one word a table, for every input kind.

The same word holds for dense, sparse and ragged ids, in training and in serving:

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


def policy_of_tables(policies: Policies | None, names: list[str]) -> dict[str, Policy]:
    """Returns each table's policy.

    Args:
        policies: one word for all tables, or words by table name; tables that are not
            named, or all with None, get "error".
        names: of all tables.

    Raises:
        ValueError: on an unknown word or table.
    """
    if policies is None or isinstance(policies, str):
        given = dict.fromkeys(names, policies or DEFAULT)
    else:
        given = {**dict.fromkeys(names, DEFAULT), **policies}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ValueError(
            f"policies name the tables {unknown}, which no feature uses. The tables "
            f"are {sorted(names)}."
        )
    for name, policy in given.items():
        if policy not in get_args(Policy):
            raise ValueError(
                f"Table '{name}': policy must be one of {get_args(Policy)}, got "
                f"{policy!r}."
            )
    return given


def usable_ids(
    policy: Policy, ids: tf.Tensor, vocabulary_size: int, path: str, table: str
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Applies the policy to ids.

    Args:
        policy: the table's.
        ids: int64 [n].
        vocabulary_size: rows of the table.
        path: of the feature, for messages.
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
            f"Feature '{path}': ids of table '{table}' must lie in "
            f"[0, {vocabulary_size}), got ids from",
            tf.reduce_min(ids),
            "to",
            tf.reduce_max(ids),
            "Mend the preprocessing, or give the table the policy drop or oov_row.",
        ],
    )
    with after(in_range):
        return tf.identity(ids), None


def usable_weights(
    policy: Policy, weights: tf.Tensor, combiner: str, path: str
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Applies the policy to weights: float32 [n]. Returns what `usable_ids` does."""
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
            f"Feature '{path}': weights under the combiner {combiner} must be finite"
            f"{' and not negative' if combiner != 'sum' else ''}, got",
            tf.boolean_mask(weights, ~valid),
            "Mend the preprocessing, or give the table the policy drop or oov_row.",
        ],
    )
    with after(usable):
        return tf.identity(weights), None
