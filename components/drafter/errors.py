"""Why no configuration can be drafted."""


class DraftError(ValueError):
    """Files of which no configuration can be made; the message says what to do."""
