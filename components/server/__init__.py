"""A model server over TensorFlow's runtime: gRPC, REST, batching and metrics."""
