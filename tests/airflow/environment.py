"""A real Airflow, in an environment of its own, and what tests ask of it.

It is installed from the lock beside this file, into `build/airflow`, once. Each home is
a folder of one test: its database is SQLite, and its DAGs are in `dags`.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from shardline.components.folders.lock import locked

_HERE = Path(__file__).parent
_LOCK = _HERE / "requirements.lock"
_FOLDER = _HERE.parents[1] / "build" / "airflow"
_ENVIRONMENT = _FOLDER / "environment"
_INSTALLED = _FOLDER / "installed"
_GUARDED = _HERE.parent / "guarded"
_TIME_LIMIT_S = 1500


def installed_python() -> Path:
    """Returns the Python of Airflow's environment, which is made if need be."""
    python = _ENVIRONMENT / "bin" / "python"
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with locked(_FOLDER / ".lock", lambda _: None):
        if not _INSTALLED.exists() or _INSTALLED.read_text() != digest:
            uv = str(Path(sys.executable).with_name("uv"))
            make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable]
            subprocess.run([*make, _ENVIRONMENT], check=True)
            fill = [uv, "pip", "sync", "--quiet", "--require-hashes"]
            subprocess.run([*fill, "--python", python, _LOCK], check=True)
            _INSTALLED.write_text(digest)
    return python


@dataclasses.dataclass(frozen=True)
class Airflow:
    """Airflow with a home of its own.

    Attributes:
        home: its folder.
    """

    home: Path

    @property
    def dags(self) -> Path:
        """The folder of DAGs."""
        return self.home / "dags"

    @property
    def attempts(self) -> Path:
        """The addresses of other machines that it tried to reach; absent for none."""
        return self.home / "attempts"

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which it runs."""
        own = ("AIRFLOW", "_AIRFLOW", "PYTHON")
        kept = {key: os.environ[key] for key in os.environ if not key.startswith(own)}
        return kept | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            # The default looks its own name up.
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "PYTHONPATH": str(_GUARDED),
            "SHARDLINE_TEST_ATTEMPTS": str(self.attempts),
        }

    def python(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Runs the Python of its environment; stderr is part of stdout."""
        return subprocess.run(
            [installed_python(), *arguments],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIME_LIMIT_S,
            check=False,
        )

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs an `airflow` command."""
        return self.python("-m", "airflow", *arguments)

    def described(self) -> dict[str, Any]:
        """Returns what it makes of the DAGs, and which files it cannot read."""
        printed = self.python(_HERE / "described.py", self.dags)
        assert printed.returncode == 0, printed.stdout
        found: dict[str, Any] = json.loads(printed.stdout.splitlines()[-1])
        return found

    def tested(self, *dag_ids: str) -> str:
        """Runs DAGs, and returns what was printed; `states` says how tasks ended."""
        ran = self.python(_HERE / "tested.py", self.dags, *dag_ids)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    def states(self, dag_id: str) -> dict[str, tuple[str, int]]:
        """Returns how each task of the newest run ended, and at which try."""
        newest = (
            "(SELECT run_id FROM dag_run WHERE dag_id = ? ORDER BY id DESC LIMIT 1)"
        )
        with contextlib.closing(sqlite3.connect(self.home / "airflow.db")) as database:
            rows = database.execute(
                "SELECT task_id, state, try_number FROM task_instance "
                f"WHERE dag_id = ? AND run_id = {newest}",
                (dag_id, dag_id),
            ).fetchall()
        return {task: (state, tries) for task, state, tries in rows}
