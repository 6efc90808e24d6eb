"""The parts of a DAG's text that are the same in each DAG, but for a few words."""

MARK = "Written by Shardline"

# With the run, the version of this project and the path of the configuration.
BEGIN = f'''\
"""Trains and publishes `{{run}}`. {MARK} {{version}} of

    {{config}}

Change that file and write this one anew, rather than change this one.
"""

import datetime
import os

from airflow import __version__ as airflow_version

TOO_OLD = (
    f"This DAG needs Airflow 3.3 or newer, and this is {{{{airflow_version}}}}. Update "
    "Airflow, or call `shardline run` from a DAG of your own."
)
try:
    from airflow import sdk
    from airflow.providers.standard.hooks.subprocess import SubprocessHook
    from airflow.sdk import exceptions
except ImportError as error:
    raise RuntimeError(TOO_OLD) from error
if tuple(int(part) for part in airflow_version.split(".")[:2]) < (3, 3):
    raise RuntimeError(TOO_OLD)
'''

OPERATOR = '''\
def environment():
    """Returns the variables of this process but for those of Airflow and its Python."""
    own = ("AIRFLOW", "PYTHON")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lstrip("_").startswith(own)
    }


class ShardlineOperator(sdk.BaseOperator):
    """Runs `shardline run`, whose exit code says whether to try again."""

    def __init__(self, *, options=(), **kwargs):
        super().__init__(**kwargs)
        self.options = options
        self.hook = SubprocessHook()

    def execute(self, context):
        command = [SHARDLINE, "run", CONFIG, "--output-dir", RUN_FOLDER, "--wait"]
        command += ["--nothing-due-code", str(NOTHING_DUE), *self.options]
        try:
            result = self.hook.run_command(command, environment(), cwd=FOLDER)
        except OSError as error:
            raise exceptions.AirflowFailException(
                f"{SHARDLINE} cannot be started in {FOLDER}: {error}"
            ) from error
        code = result.exit_code if result.exit_code >= 0 else 128 - result.exit_code
        if code == NOTHING_DUE:
            raise exceptions.AirflowSkipException("Nothing is due")
        if code in CAN_PASS:
            raise exceptions.AirflowException(f"Exit code {code}: it may pass")
        if code != 0:
            raise exceptions.AirflowFailException(
                f"Exit code {code}: it stays until somebody does something"
            )

    def on_kill(self):
        # The command ends its processes, and leaves the run folder in order.
        self.hook.send_sigterm()
'''

# With the name of the hook's event, and the line or lines that name its command.
HOOK = """\
def on_{event}(context):
{command}
    call(command, "{event}", context["run_id"])
"""

HOOK_OF_LATE = """\
def on_late(context):
{command}
    call(command, "late", context["dag_run"]["dag_run_id"])
"""

CALL = '''\
def call(command, event, dag_run):
    """Calls a command with facts of a run in its environment."""
    facts = {
        "SHARDLINE_EVENT": event,
        "SHARDLINE_CONFIG": CONFIG,
        "SHARDLINE_RUN_FOLDER": RUN_FOLDER,
        "SHARDLINE_DAG_RUN": dag_run,
    }
    SubprocessHook().run_command(command, environment() | facts, cwd=FOLDER)
'''

LATE_WITHOUT_HOOK = """\
def on_late(context):
    print(f"{context['dag_run']['dag_run_id']} has not ended in time")
"""

ON_TIME = '''\
# A run that began longer after its time than this was missed.
MISSED_AFTER = datetime.timedelta(minutes=5)


@sdk.task
def start_on_time(dag_run=None):
    """Leaves a start that was missed out, unless somebody cleared it to have it."""
    # When the run began, not this task, which may have waited for a pool.
    late = dag_run.start_date - dag_run.run_after
    is_own = dag_run.run_type == "scheduled" and not dag_run.clear_number
    if is_own and late > MISSED_AFTER:
        raise exceptions.AirflowSkipException(f"It began {late} late")
'''
