"""What a warm start refuses."""


class WarmStartError(ValueError):
    """A checkpoint that an engine cannot begin with, or a map that fits neither."""
