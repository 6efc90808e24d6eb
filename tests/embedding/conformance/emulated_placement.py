"""The kit's placement on a TPU, on the emulated one."""

from shardline.embedding.conformance.tpu_placement import TPUPlacement


class EmulatedPlacement(TPUPlacement):
    """Its strategy is that of the emulated TPU, whose programs are no TPU programs."""

    def __init__(self, tpu):
        self._tpu = tpu
        super().__init__("emulated")

    def check(self, graph):
        """Does nothing: there is no program of a core to be found."""

    def _new_strategy(self):
        return self._tpu.strategy()
