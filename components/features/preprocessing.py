"""The `preprocessing_fn` of TensorFlow Transform: tokens to ids, for every feature.

Each table has one vocabulary, counted over all its features together, so that a token
has the same id wherever it occurs. Ids below the vocabulary's size are its tokens, the
most frequent first; the table's out-of-vocabulary rows follow.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from configs.schema import Feature, Preprocessing


def weights_output(feature: str) -> str:
    """Returns the name of the transformed output that holds a feature's weights."""
    return f"{feature}.weights"


def preprocessing_fn(
    inputs: Mapping[str, Any], custom_config: Mapping[str, Any]
) -> dict[str, Any]:
    """Turns raw columns into ids; called by the Transform component.

    Args:
        inputs: raw columns as the schema represents them: string [batch] or ragged.
        custom_config: `preprocessing`, a Preprocessing as JSON.

    Returns:
        By feature name int64 ids, [batch] or ragged and at most max_sequence_length
        long; `<feature>.weights` float32, ragged; the label float32 [batch].
    """
    settings = Preprocessing.model_validate_json(custom_config["preprocessing"])
    label = settings.target.label
    outputs = {label: inputs[label]}
    for table, rule in settings.vocabularies.items():
        features = settings.features_of(table)
        vocabulary = tft.vocabulary(
            _all_tokens(inputs[f.column or name] for name, f in features.items()),
            frequency_threshold=rule.min_count if rule.min_count > 1 else None,
            vocab_filename=table,
        )
        for name, feature in features.items():
            outputs[name] = tft.apply_vocabulary(
                _tokens(inputs[feature.column or name], feature),
                vocabulary,
                num_oov_buckets=rule.oov_rows,
            )
            if feature.weights:
                outputs[weights_output(name)] = inputs[feature.weights]
    return outputs


def _tokens(column: Any, feature: Feature) -> Any:
    """Keeps the newest tokens of a sequence; columns are in time order."""
    if feature.max_sequence_length:
        return column[:, -feature.max_sequence_length :]
    return column


def _all_tokens(columns: Iterable[Any]) -> tf.Tensor:
    """Returns every token of some columns: string [n]."""
    return tf.concat([getattr(c, "flat_values", c) for c in columns], axis=0)
