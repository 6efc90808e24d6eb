"""`shardline doctor`: whether this machine and its installation can run a pipeline."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shardline.pipeline.commands.console import console, end, print_line
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.pipeline.doctor.diagnosis import Diagnosis

_STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


def doctor() -> None:
    """Check this machine and its installation, and say how to repair what is wrong.

    Nothing is changed. The exit code is 1 if something would stop a run.
    """
    from shardline.pipeline.doctor.diagnosis import diagnose, worst

    print_line("Checking the environment, which takes about 20 s")
    with console.status(""):
        diagnoses = diagnose()
    print_diagnoses(diagnoses, console)
    end(1 if worst(diagnoses) == "error" else 0)


def print_diagnoses(diagnoses: "Sequence[Diagnosis]", console: Console) -> None:
    """Prints the diagnoses as a table, and below it what to do about them.

    Args:
        diagnoses: what `diagnose` returned.
        console: where to print.
    """
    table = Table("check", "status", "found")
    for diagnosis in diagnoses:
        status = Text(diagnosis.status, style=_STYLES[diagnosis.status])
        table.add_row(Text(diagnosis.check), status, Text(diagnosis.found))
    print_table(table, console)
    for diagnosis in diagnoses:
        if diagnosis.status != "ok":
            label = (f"{diagnosis.check}: ", _STYLES[diagnosis.status])
            console.print(Text.assemble(label, diagnosis.remedy))
