"""Examples without a row in side files: counts that merge, in words."""

import dataclasses
import itertools
import json

from shardline.components.readers.files.judging.unmatched import Unmatched


def _told(*counts: tuple[int, int, list]) -> list[Unmatched]:
    told = []
    for examples, without_key, first in counts:
        one = Unmatched()
        one.add("items", examples, without_key, first)
        told.append(one)
    return told


def test_counts_merge_to_the_same_in_any_order() -> None:
    told = _told(
        (3, 1, [("a", 7, "x"), ("a", 9, "y"), ("a", 2, "x")]),
        (2, 0, [("b", 1, "z"), ("b", 2, "w")]),
        (0, 5, []),
    )
    for one in told:
        one.leave_out("items", {"no key": 2}, {"no key": ["line 3"]})
    merged = []
    for order in itertools.permutations(told):
        whole = Unmatched()
        for one in order:
            sent = json.loads(json.dumps(dataclasses.asdict(one)))
            whole.merge(Unmatched(**sent))
        merged.append(whole)
    assert all(one == merged[0] for one in merged)
    assert merged[0].examples == {"items": 5}
    assert merged[0].by_join == {"items": 11}
    assert merged[0].without_key == {"items": 6}
    assert [key for *_, key in merged[0].first["items"]] == ["x", "y", "z"]
    assert merged[0].lines() == [
        "5 examples without a row in `items`, and without its columns: keys such as "
        "'x', 'y', 'z'",
        "6 examples without a key for `items`, and without its columns",
        "2 rows of `items` left out: no key",
        "  line 3",
    ]


def test_nothing_is_said_where_every_example_has_its_row() -> None:
    nothing = Unmatched()
    nothing.add("items", 0, 0, [])
    nothing.leave_out("items", {}, {})
    assert nothing.lines() == []


def test_places_that_may_hold_one_of_the_first_keys_are_told() -> None:
    (known,) = _told((2, 0, [("a", 7, "x"), ("a", 9, "y")]))
    assert known.may_name("items", "b", 1)
    known.add("items", 1, 0, [("b", 4, "z")])
    sent = Unmatched(**json.loads(json.dumps(dataclasses.asdict(known))))
    for one in (known, sent):
        assert one.may_name("items", "b", 3)
        assert one.may_name("items", "a", 100)
        assert not one.may_name("items", "b", 4)
        assert not one.may_name("items", "c", 1)
        assert one.may_name("users", "c", 1)
