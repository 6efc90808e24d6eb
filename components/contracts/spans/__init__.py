"""What steps tell each other of spans: files of plan, state and examples.

Neither TensorFlow nor TFX is imported to read them.
"""
