"""Readers: raw data in, `tf.train.Example`s by split out."""
