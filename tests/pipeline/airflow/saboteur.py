"""Writes a program that calls the command, and gets in its way once a component.

The process of the pipeline is killed when the Trainer has saved its first checkpoint
set. Before the Pusher, a file takes the place of the folder of published models.
"""

import os
import stat
import sys
from pathlib import Path

_TEXT = """\
#!{python}
import os, signal, subprocess, sys, time
from pathlib import Path

run_folder = Path({run_folder!r})
component = sys.argv[-1]
first = run_folder.with_name(f"first_{{component}}")
os.environ["PYTHONPATH"] = {path!r}
command = [{shardline!r}, *sys.argv[1:]]
if component not in ("Trainer", "Pusher") or first.exists():
    os.execv(command[0], command)
first.touch()
if component == "Pusher":
    (run_folder / "serving").rename(run_folder / "away")
    (run_folder / "serving").touch()
    os.execv(command[0], command)
process = subprocess.Popen(command)
while process.poll() is None:
    if any(run_folder.glob("artifacts/Trainer/sets/*/*/manifest.json")):
        children = Path(f"/proc/{{process.pid}}/task/{{process.pid}}/children")
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        break
    time.sleep(0.02)
sys.exit(process.wait())
"""


def write_saboteur(path: Path, run_folder: Path) -> Path:
    """Writes the program.

    Args:
        path: its file.
        run_folder: of the run.
    """
    text = _TEXT.format(
        python=sys.executable,
        run_folder=str(run_folder),
        path=os.environ.get("PYTHONPATH", ""),
        shardline=str(Path(sys.executable).with_name("shardline")),
    )
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
