"""Options of Beam and its runners: which there are, and which a misspelt one means."""

import argparse
import contextlib
import difflib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from shardline.configs.shown import shown

_OF_DASK = "--dask_"
_REMEDY = "correct it, or leave it out"


class Refusal(NamedTuple):
    """Why Beam does not take an option, and what to do; both go into a sentence."""

    fact: str
    remedy: str


def refused_options(
    options: Sequence[str], *, may_have_others: bool = False
) -> dict[str, Refusal]:
    """Returns why Beam does not take options, by those that it does not take.

    Args:
        options: each `--NAME` or `--NAME=VALUE`.
        may_have_others: whether there may be options that no part of Beam reads, as
            those of a job server. Then one is refused only if it is much like one that
            there is.
    """
    parser = _parser(any(option.startswith(_OF_DASK) for option in options))
    refused = {}
    for option in options:
        try:
            if not parser.parse_known_args([option])[1]:
                continue
        except argparse.ArgumentError as error:
            fact = f"Beam does not take `{shown(option)}`: {error.message}"
            refused[option] = Refusal(fact, _REMEDY)
            continue
        fact = f"Beam knows no option `{shown(option)}`"
        if near := _nearest(option, parser):
            refused[option] = Refusal(fact, f"did you mean `{near}`?")
        elif not may_have_others:
            refused[option] = Refusal(fact, _REMEDY)
    return refused


def _parser(with_dask: bool) -> argparse.ArgumentParser:
    if with_dask:
        # Its options are known once it is imported; the packages may not be there.
        with contextlib.suppress(ImportError):
            import apache_beam.runners.dask.dask_runner  # noqa: F401
    # Else a value that is missing or odd ends the process.
    parser = _BeamArgumentParser(
        allow_abbrev=False, add_help=False, exit_on_error=False
    )
    for kind in _kinds(PipelineOptions):
        with contextlib.suppress(argparse.ArgumentError):
            kind._add_argparse_args(parser)
    return parser


def _nearest(option: str, parser: argparse.ArgumentParser) -> str | None:
    name = option.partition("=")[0]
    known = [flag for action in parser._actions for flag in action.option_strings]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return near[0] if near else None


def _kinds(options: type[PipelineOptions]) -> Iterator[type[PipelineOptions]]:
    for kind in options.__subclasses__():
        yield kind
        yield from _kinds(kind)
