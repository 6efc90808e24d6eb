"""Native kernels: TensorFlow custom ops for partition, pooled lookup and update."""
