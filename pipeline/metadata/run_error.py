"""The errors of a pipeline run, which need nothing of TFX."""


class RunError(RuntimeError):
    """A pipeline run that did not come to its end."""


class RefusedError(RunError):
    """A run whose model was not published, for a gate was closed."""
