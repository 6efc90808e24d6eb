"""Options of a runner, which come last, after two hyphens."""

from typing import Any

import typer.core


class TakesRunnerOptions(typer.core.TyperCommand):
    """A command whose context has them as `args`, apart from its own arguments.

    Else an argument that takes any number of values takes them, too.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses what stands before the two hyphens."""
        end = args.index("--") if "--" in args else len(args)
        super().parse_args(ctx, args[:end])
        ctx.args = args[end + 1 :]
        return list(ctx.args)
