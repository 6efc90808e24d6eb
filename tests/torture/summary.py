"""Prints what the torture did, part by part, from the lines that `scale.tell` wrote."""

import json
import sys
from pathlib import Path


def summary(report: str) -> str:
    """Returns a line for each count of each part.

    Args:
        report: a JSON object a line.
    """
    lines = []
    for text in report.splitlines():
        counts = json.loads(text)
        lines.append(counts.pop("part"))
        lines += [f"{count:>10,}  {what}" for what, count in counts.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(summary(Path(sys.argv[1]).read_text()))
