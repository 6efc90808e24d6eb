"""What goes wrong with a Beam engine, and not with the job that runs on it."""


class BeamEngineError(RuntimeError):
    """A Beam engine cannot run a job, or has lost it."""
