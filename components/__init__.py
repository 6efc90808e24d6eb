"""TFX components: examples, id features, training, export and publishing."""
