"""The side of a program that runs once: what it finds out, as JSON on standard output.

Whatever else it prints goes to standard error. Imports nothing but the library.
"""

import json
import os
from collections.abc import Callable
from typing import Any


def say_result_of(main: Callable[[], Any]) -> None:
    """Runs a program and prints what it returns as one line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps(main()), file=answers, flush=True)
