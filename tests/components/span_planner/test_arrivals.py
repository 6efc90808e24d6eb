"""Random arrivals: late spans, versions, kills; each example is learnt once."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from shardline_tests import load

from shardline.components.contracts.spans.plan import PlannedSpan, SpanPlan
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.choice import Settings
from shardline.components.span_planner.planning import make_plan
from shardline.configs.spans import Spans

history = load(Path(__file__).with_name("history.py"))

SEEDS = range(30)
Way = Literal["next_span", "held_out", "cut"]
Example = tuple[str, int, str]  # (span, version, half)


def halves(span: PlannedSpan) -> Iterator[Example]:
    """Yields stand-ins for the examples of a span or of one of its parts."""
    for half in ("head", "tail"):
        if span.part in ("all", half):
            yield span.span, span.version, half


class Shop:
    """What arrives, and what became of it; checks each plan that is carried out."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = SpanState(name="run")
        self.found: dict[tuple[str, int], FoundSpan] = {}
        self.learnt: Counter[Example] = Counter()

    def arrive(self, span: str, version: int) -> None:
        self.found[span, version] = FoundSpan(span, version, f"{span} v{version}")

    def plan(self, rng: random.Random) -> SpanPlan:
        found = list(self.found.values())
        rng.shuffle(found)
        return make_plan(self.state, found, self.settings)

    def run(self, rng: random.Random, *, killed: bool = False) -> bool:
        """Carries out a plan, if one is due; a killed run leaves no state."""
        plan = self.plan(rng)
        if not plan.is_due or killed:
            return plan.is_due
        assert plan.evaluate is not None
        judged = set(halves(plan.evaluate))
        trained = {one for span in plan.train for one in halves(span)}
        assert not judged & (trained | set(self.learnt))
        new = [one for span in plan.newly_trained for one in halves(span)]
        assert new
        assert not set(new) & set(self.learnt)
        assert trained <= set(new) | set(self.learnt)
        assert len({span.span for span in plan.train}) <= max(
            self.settings.spans.window, len({span.span for span in plan.newly_trained})
        )
        self.learnt.update(new)
        self.state = history.after(self.state, plan)
        return True

    def finish(self, rng: random.Random) -> None:
        for _ in range(200):
            if not self.run(rng):
                return
        pytest.fail("planning does not come to an end")


def settings_of(way: Way, **told: Any) -> Settings:
    return Settings(
        spans=Spans(**told),
        on="next_span" if way == "next_span" else "held_out",
        is_cut=way == "cut",
    )


def arrivals(rng: random.Random) -> list[tuple[str, int]]:
    """Returns spans 1 to 12 as they arrive; some are late, some come in versions."""
    # The first is there first, the last comes last: where runs begin and end does not
    # depend on when somebody looks.
    spans = [1, *sorted(range(2, 12), key=lambda n: n + rng.uniform(0, 5)), 12]
    coming = [(str(number), 1) for number in spans]
    for _ in range(rng.randrange(4)):
        number = rng.randrange(1, 12)
        place = coming.index((str(number), 1))
        versions = sum(span == str(number) for span, _ in coming)
        if versions == 1 and place + 1 < len(coming):
            coming.insert(rng.randrange(place + 1, len(coming)), (str(number), 2))
    return coming


def lived(way: Way, seed: int, settings: Settings, *, kills: bool, eager: bool) -> Shop:
    """Lets spans arrive; runs when all are there, or meanwhile too, some killed."""
    coming, shop = arrivals(random.Random(seed)), Shop(settings)
    rng = random.Random(seed + 1000)
    for span, version in coming:
        shop.arrive(span, version)
        while eager and rng.random() < 0.6 and shop.run(rng):
            if kills and rng.random() < 0.5:
                before = shop.plan(rng)
                shop.run(rng, killed=True)
                assert shop.plan(rng) == before
    shop.finish(rng)
    return shop


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("missing", ["wait", "skip"])
@pytest.mark.parametrize("way", get_args(Way))
def test_each_version_is_learnt_once_and_judged_on_before(
    way: Way, missing: Any, window: int
) -> None:
    settings = settings_of(way, missing=missing, window=window)
    for seed in SEEDS:
        shop = lived(way, seed, settings, kills=True, eager=True)

        assert max(shop.learnt.values()) == 1
        newest: dict[str, int] = {}
        for span, version in shop.found:
            newest[span] = max(version, newest.get(span, 0))
        learnt = {one[:2] for one in shop.learnt}
        last = "12" if way != "held_out" else None
        assert {span for span in newest.items() if span[0] != last} <= learnt
        assert last not in {span for span, _ in learnt}
        # Nothing is due any more, however often one asks.
        assert not shop.run(random.Random(seed))


@pytest.mark.parametrize("way", get_args(Way))
def test_what_is_learnt_in_the_end_does_not_depend_on_when_runs_are_started(
    way: Way,
) -> None:
    for missing in ("wait", "skip"):
        settings = settings_of(way, missing=missing)
        for seed in SEEDS:
            eager = lived(way, seed, settings, kills=True, eager=True)
            lazy = lived(way, seed, settings, kills=False, eager=False)

            # A version that was replaced before anybody looked is not learnt.
            newest = {one[0]: one[1] for one in sorted(eager.found)}
            current = [
                {one for one in shop.learnt if newest[one[0]] == one[1]}
                for shop in (eager, lazy)
            ]
            assert current[0] == current[1]
            assert set(lazy.learnt) == current[1]


@pytest.mark.parametrize("way", get_args(Way))
def test_kills_do_not_change_the_end(way: Way) -> None:
    settings = settings_of(way, missing="skip", window=2)
    for seed in SEEDS:
        whole, killed = Shop(settings), Shop(settings)
        for span, version in arrivals(random.Random(seed)):
            rng = random.Random(f"{seed} {span} {version}")
            for shop in (whole, killed):
                shop.arrive(span, version)
            if rng.random() < 0.7:
                whole.finish(rng)
                for _ in range(rng.randrange(3)):
                    killed.run(rng, killed=True)
                killed.finish(rng)
        whole.finish(random.Random(seed))
        killed.finish(random.Random(seed))

        assert killed.state == whole.state
