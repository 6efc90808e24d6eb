"""Layers that learn something else where cores share a batch.

Batch normalization takes mean and variance of its batch. Each core of a TPU has a part
of one, and would normalize by what its own part holds, unless the layer is told to
bring the parts together.
"""

import keras


def check_batch_statistics(model: keras.Model) -> None:
    """Checks that no layer takes a core's part of a batch for the batch.

    What layers of other kinds do with a batch is not looked at.

    Args:
        model: built, to learn on several cores.

    Raises:
        ValueError: if one does, with the name of each.
    """
    alone = [
        layer.name
        for layer in model._flatten_layers()  # no public name walks nested layers
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
    ]
    if alone:
        raise ValueError(
            f"The dense model's {', '.join(sorted(alone))}: on a TPU each core would "
            "normalize by its own part of a batch, and learn other than hosts do. "
            "Create it with BatchNormalization(synchronized=True), or use "
            "LayerNormalization."
        )
