"""The exported model asked again what training asked the engine."""
