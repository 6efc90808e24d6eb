"""The error of a pipeline run, which needs nothing of TFX."""


class RunError(RuntimeError):
    """A pipeline run that did not come to its end."""
