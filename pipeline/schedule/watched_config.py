"""The configuration of a schedule, which may change while the scheduler runs."""

from pathlib import Path

from shardline.configs import ConfigError, load_run
from shardline.configs.fault import Fault
from shardline.configs.load import with_lines
from shardline.configs.schedule import Schedule

_Signature = tuple[int, int, int] | None


class WatchedConfig:
    """A configuration file and what it said when it was last without a fault.

    Attributes:
        path: the file.
        schedule: its section `schedule`.
        in_spans: whether its data comes in spans.
        fault: what is wrong with the file now; "" if nothing is.
    """

    def __init__(self, path: Path):
        """Reads the file.

        Raises:
            ConfigError: if it is faulty, or has no section `schedule`.
        """
        self.path = path
        self.fault = ""
        self._signature = self._signature_now()
        self._name, self.schedule, self.in_spans = _scheduled(path)

    def has_changed(self) -> bool:
        """Tells whether the file is another one than before, and reads it then."""
        signature = self._signature_now()
        if signature == self._signature:
            return False
        self._signature, self.fault = signature, ""
        try:
            name, schedule, in_spans = _scheduled(self.path)
        except ConfigError as error:
            self.fault = str(error)
            return True
        if name == self._name:
            self.schedule, self.in_spans = schedule, in_spans
        else:
            self.fault = str(_renamed(self.path, name, self._name))
        return True

    def _signature_now(self) -> _Signature:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _renamed(path: Path, name: str, before: str) -> ConfigError:
    fault = Fault(
        ("name",),
        f"`name`: it is {name!r} now, and was {before!r} when the scheduler began",
        "stop the scheduler and start another one, or take the name back",
    )
    return ConfigError(*with_lines(path, [fault]))


def _scheduled(path: Path) -> tuple[str, Schedule, bool]:
    run = load_run(path)
    if run.schedule is None:
        fault = Fault(
            ("schedule",),
            "there is no section `schedule`, which says when runs start",
            'add one, such as `schedule: {cron: "30 3 * * *"}`',
        )
        raise ConfigError(*with_lines(path, [fault]))
    return run.name, run.schedule, run.data.spans is not None
