"""Functions as users write them for `derived.function`."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft


def first_words(columns: dict[str, Any]) -> dict[str, Any]:
    """Splits a text, and takes its first word; no analyzer."""
    words = tf.strings.split(columns["text"])
    return {"words": words, "first": words[:, :1].to_tensor("", shape=[None, 1])[:, 0]}


def relative_price(columns: dict[str, Any]) -> dict[str, Any]:
    """Puts a price into relation to the largest; an analyzer."""
    price = columns["price"]
    return {"relative": price / tft.max(price)}


def own_ids(columns: dict[str, Any]) -> dict[str, Any]:
    """Makes ids by a vocabulary of TensorFlow Transform's."""
    ids = tft.compute_and_apply_vocabulary(columns["text"], vocab_filename="own")
    return {"own_id": ids}


def ids_named_as_a_table(columns: dict[str, Any]) -> dict[str, Any]:
    """As `own_ids`, its file named as a table is."""
    ids = tft.compute_and_apply_vocabulary(columns["text"], vocab_filename="text")
    return {"own_id": ids}


def cheap(columns: dict[str, Any]) -> dict[str, Any]:
    """Tells cheap prices, missing ones as 7; no analyzer."""
    price = columns["price"]
    is_missing = tf.math.is_nan(price)
    return {"cheap": tf.where(is_missing, 7.0, tf.cast(price < 3, tf.float32))}


def cheaper(columns: dict[str, Any]) -> dict[str, Any]:
    """Puts a price into relation to the largest, a missing one at 7; an analyzer."""
    price = tf.where(tf.math.is_nan(columns["price"]), 0.0, columns["price"])
    relative = price / tft.max(price)
    return {"cheap": tf.where(tf.math.is_nan(columns["price"]), 7.0, relative)}
