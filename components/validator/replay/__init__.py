"""The replay: an exported model is asked what training asked the engine."""
