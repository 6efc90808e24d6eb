"""A report in words, for a terminal: a line for each group, and what did not pass."""

from collections.abc import Iterator, Sequence

from shardline.embedding.conformance.verdicts import GroupVerdict, Report, Verdict

HEADERS = ("group", "verdict", "cases", "largest error", "seconds")

_WORDS: tuple[Verdict, ...] = ("passed", "failed", "not supported", "not run")
# Of the columns of a terminal.
_WIDTHS = (15, 14, 26, 17, 7)
# Failures of one group that are told; the report in JSON has all of them.
_TOLD = 8


def cells(group: GroupVerdict) -> tuple[str, ...]:
    """Returns a group's cells below `HEADERS`."""
    has_share = group.verdict == "passed"
    share = f"{group.share:.0%} of the bound" if has_share else ""
    return group.name, group.verdict, _cases(group), share, f"{group.seconds:.1f}"


def columns(words: Sequence[str]) -> list[str]:
    """Returns words as wide as their columns; one that is too long pushes others on."""
    return [word.ljust(width) for word, width in zip(words, _WIDTHS, strict=True)]


def details(group: GroupVerdict) -> Iterator[str]:
    """Yields a line for each reason for which cases did not pass."""
    bad = _reasons(group, ("failed", "not run"))
    for why, names in list(bad.items())[:_TOLD]:
        yield f"{_named(group, names)}: {why}"
    if len(bad) > _TOLD:
        yield f"{group.name}: and {len(bad) - _TOLD} more"
    for why, names in _reasons(group, ("not supported",)).items():
        yield f"{_named(group, names)}: not supported here: {why}"


def summary(report: Report) -> str:
    """Returns what came of all groups, in one line."""
    found = [group.verdict for group in report.groups]
    counts = [f"{found.count(word)} {word}" for word in _WORDS if word in found]
    return f"{len(found)} group{'s' * (len(found) != 1)}: {', '.join(counts)}"


def heading(placement: str, environment: dict[str, str]) -> list[str]:
    """Returns what was checked, and with what."""
    versions = ("Shardline", "TensorFlow", "numpy", "Python")
    others = [name for name in environment if name not in versions]
    return [
        f"Checking the engine on {placement}",
        ", ".join(f"{name} {environment[name]}" for name in versions),
        "; ".join(f"{name}: {environment[name]}" for name in others),
    ]


def _cases(group: GroupVerdict) -> str:
    counts = [f"{group.count(word)} {word}" for word in _WORDS if group.count(word)]
    return ", ".join(counts)


def _named(group: GroupVerdict, names: list[str]) -> str:
    """Returns the group, and those of its cases that are meant unless all are."""
    are_all = len(names) == len(group.cases) > 1
    if are_all or names == [group.name]:
        return group.name
    return ", ".join([group.name, *names])


def _reasons(group: GroupVerdict, verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Returns the cases with one of some verdicts, by the reason."""
    found: dict[str, list[str]] = {}
    for case in group.cases:
        if case.verdict in verdicts:
            found.setdefault(case.why, []).append(case.name)
    return found
