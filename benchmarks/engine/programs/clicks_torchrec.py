"""The click model in TorchRec on CPUs: its DLRM over FBGEMM's fused tables.

`FusedEmbeddingBagCollection` is TorchRec's EmbeddingBagCollection with the update in
the backward pass, for one process: no process group, no copies between ranks. Records
are parsed by tf.data in a process of its own and come through a pipe, read ahead by a
thread; see record_stream.py.
"""

import argparse
import queue
import subprocess
import threading

import torch
from torchrec.datasets.utils import Batch
from torchrec.models.dlrm import DLRM, DLRMTrain
from torchrec.modules.embedding_configs import EmbeddingBagConfig
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from benchmarks.engine import click_model
from benchmarks.engine.program import serve

_READ_AHEAD = 4
_TIMEOUT_S = 60


class Batches:
    """Batches from the reading process, read ahead."""

    def __init__(self, command: list[str]):
        """Starts the process, and the thread that reads from it."""
        self._stream = subprocess.Popen(command, stdout=subprocess.PIPE)
        ids = len(click_model.IDS) * click_model.BATCH
        self._lengths = torch.ones(ids, dtype=torch.int32)
        self._offsets = torch.arange(ids + 1, dtype=torch.int32)
        self._ahead: queue.Queue[Batch] = queue.Queue(_READ_AHEAD)
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> Batch:
        """Returns the next batch.

        Raises:
            queue.Empty: if none came in a while.
        """
        return self._ahead.get(timeout=_TIMEOUT_S)

    def _read(self) -> None:
        batch, numbers, ids = click_model.BATCH, click_model.NUMBERS, click_model.IDS
        while True:
            labels = torch.frombuffer(self._bytes(4 * batch), dtype=torch.float32)
            values = torch.frombuffer(
                self._bytes(4 * batch * numbers), dtype=torch.float32
            )
            rows = torch.frombuffer(
                self._bytes(8 * batch * len(ids)), dtype=torch.int64
            )
            features = KeyedJaggedTensor(
                ids, rows, lengths=self._lengths, offsets=self._offsets
            )
            self._ahead.put(Batch(values.view(batch, numbers), features, labels))

    def _bytes(self, count: int) -> bytearray:
        buffer = bytearray(count)
        assert self._stream.stdout
        if self._stream.stdout.readinto(buffer) != count:  # type: ignore[attr-defined]
            raise EOFError("The reading process has ended.")
        return buffer


def new_model() -> DLRMTrain:
    """Returns the model with its loss."""
    tables = [
        EmbeddingBagConfig(
            name=f"table_{name}",
            num_embeddings=click_model.ROWS,
            embedding_dim=click_model.DIM,
            feature_names=[name],
        )
        for name in click_model.IDS
    ]
    collection = FusedEmbeddingBagCollection(
        tables, torch.optim.Adagrad, {"lr": click_model.TABLE_LEARNING_RATE}
    )
    dlrm = DLRM(
        collection,
        dense_in_features=click_model.NUMBERS,
        dense_arch_layer_sizes=list(click_model.BOTTOM_UNITS),
        over_arch_layer_sizes=[*click_model.TOP_UNITS, 1],
    )
    return DLRMTrain(dlrm)


def main() -> None:
    """Serves `train`, which takes `STEPS_OF_A_CALL` steps a call."""
    parser = argparse.ArgumentParser()
    parser.add_argument("python", help="that has TensorFlow, to read records with")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    reader = "benchmarks.engine.programs.record_stream"
    batches = Batches([arguments.python, "-m", reader, *arguments.files])
    model = new_model()
    dense = [p for name, p in model.named_parameters() if "embedding_bags" not in name]
    optimizer = torch.optim.Adam(dense, click_model.DENSE_LEARNING_RATE)

    def train(_: int) -> None:
        for _step in range(click_model.STEPS_OF_A_CALL):
            optimizer.zero_grad()
            loss, _outputs = model(batches.next())
            loss.backward()
            optimizer.step()
        print("loss", loss.item())

    serve({"train": train}, ("torch", "torchrec", "fbgemm-gpu-cpu"), warm_up_calls=1)


if __name__ == "__main__":
    main()
