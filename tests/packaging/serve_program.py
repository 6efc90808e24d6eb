"""Answers a request with an exported model, in a process that has TensorFlow only."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

folder = Path(sys.argv[1])
request = np.load(folder / "request.npz")
model = tf.saved_model.load(str(folder / "model"))
history = tf.RaggedTensor.from_row_splits(request["values"], request["row_splits"])
answers = model.lookup({"user": tf.constant(request["user"]), "history": history})
for name, answer in answers.items():
    np.testing.assert_allclose(answer, request[f"expected_{name}"], rtol=1e-6)
print("answered:", *sorted(answers), "shardline" in sys.modules)
