"""The kit's placement on a TPU, on the emulated one: the chip is stood in for."""

import tensorflow as tf

from shardline.embedding.conformance.tpu_placement import TPUPlacement


class EmulatedPlacement(TPUPlacement):
    """Runs programs of cores on logical CPUs, and resets the emulator to start anew."""

    def __init__(self, emulator, fake_tpu, hosts, cores):
        def connect(name):
            emulator.emulator_reset()
            return fake_tpu.FakeResolver(hosts, cores, job="localhost")

        super().__init__("emulated", connect)

    def check(self, graph):
        """Does nothing: programs of cores are not there to be found."""

    def _on_cores(self, program, *arguments):
        results = []
        for core in range(self._strategy.num_replicas_in_sync):
            with tf.device(f"/CPU:{core}"):
                results.append(program(core, *arguments))
        return results
