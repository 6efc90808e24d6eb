"""What came of a run, for other programs: `shardline run --result FILE`."""

import dataclasses
import json
from pathlib import Path

from shardline.components.contracts.text_file import write_text


@dataclasses.dataclass(frozen=True)
class RunResult:
    """What came of a run.

    Attributes:
        exit_code: of the command: 0, 1, 75 for a failure that can pass, or 128 and the
            number of a signal.
        failure: why it failed, for people; "" if it did not.
        version: the version that it published; "" for none.
        spans: of data in spans, those that models were trained on, one text a model.
        is_more_due: of data in spans, whether the same command would train again.
        log: the log of the run.
    """

    exit_code: int
    failure: str = ""
    version: str = ""
    spans: tuple[str, ...] = ()
    is_more_due: bool = False
    log: str = ""

    def save(self, file: Path) -> None:
        """Writes the result, as JSON, in one piece.

        Raises:
            OSError: if it cannot be written.
        """
        text = json.dumps(dataclasses.asdict(self), indent=1) + "\n"
        write_text(str(file.parent), file.name, text)


def load_result(file: Path) -> RunResult | None:
    """Returns a result that a run has written; None if it came to write none.

    Args:
        file: as it was given to `--result`.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return RunResult(**values | {"spans": tuple(values["spans"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
