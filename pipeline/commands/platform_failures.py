"""How commands that ask a platform fail."""

import contextlib
from collections.abc import Iterator

from shardline.configs import ConfigError
from shardline.pipeline.commands.console import fail, failing_on
from shardline.pipeline.platforms.errors import PlatformError


@contextlib.contextmanager
def failing_on_platform() -> Iterator[None]:
    """Lets what is wrong with a configuration or a platform end the command.

    The exit code of a platform's error says whether the same may succeed later.
    """
    try:
        with failing_on(ConfigError, OSError):
            yield
    except PlatformError as error:
        fail(error, error.exit_code)
