"""Files in object stores, which TensorFlow's file systems reach."""
