# SPDX-License-Identifier: Apache-2.0
"""The tasks of a play have one order, whichever host was quicker."""

from __future__ import annotations

import itertools
import time

import pytest

from forge_events.lockstep import TaskPlace, arranged


def place(*lines: int | tuple[str, int], handler: bool = False) -> TaskPlace:
    """Return the place of a line of the playbook, or of a file that is included at the lines before."""
    return TaskPlace(tuple(line if isinstance(line, tuple) else ("site", line) for line in lines), handler)


def names(places: dict[str, TaskPlace], *ways: str) -> str:
    """Return the order of tasks, announced in the order of the dictionary; each host's way is a word of their names."""
    numbers = {name: number for number, name in enumerate(places)}
    found = arranged(list(places.values()), [[numbers[name] for name in way] for way in ways])
    assert sorted(found) == list(range(len(places)))
    return "".join(list(places)[number] for number in found)


def every_announcement(places: dict[str, TaskPlace], *ways: str) -> set[str]:
    """Return the orders that come of all orders of announcement."""
    return {names(dict(pairs), *ways) for pairs in itertools.permutations(places.items())}


def test_a_play_without_tasks_has_none():
    assert arranged([], []) == []


def test_what_only_a_slow_host_takes_is_at_its_place():
    places = {"a": place(1), "i": place(2), "r": place(9), "z": place(12), "x": place(2, ("more", 1)), "b": place(5)}
    assert every_announcement(places, "aibz", "aixbrz") == {"aixbrz"}


def test_a_rescue_comes_behind_what_the_others_do_meanwhile():
    places = {"a": place(1), "b": place(2), "c": place(3), "r": place(5)}
    assert every_announcement(places, "abc", "ar") == {"abcr"}


def test_a_rescue_comes_behind_the_rest_of_an_included_file_whatever_that_is_called():
    include = place(2)
    for file in ("aaa", "zoo"):
        places = {"i": include, "1": place(2, (file, 1)), "2": place(2, (file, 2)), "r": place(5), "z": place(7)}
        assert every_announcement(places, "i12z", "i1rz") == {"i12rz"}


def test_files_that_hosts_include_for_themselves_come_one_after_the_other():
    places = {"i": place(2), "b": place(2, ("b", 1)), "a": place(2, ("a", 1)), "c": place(2, ("a", 2)), "z": place(3)}
    assert every_announcement(places, "ibz", "iacz") == {"iacbz"}


def test_a_handler_comes_where_it_was_flushed_first():
    places = {"a": place(1), "b": place(2), "c": place(3), "h": place(9, handler=True)}
    assert every_announcement(places, "ahbc", "abch") == {"ahbc"}
    assert every_announcement(places, "ah", "abc") == {"ahbc"}


def test_handlers_that_wait_for_each_other_come_as_they_stand():
    places = {"a": place(1), "b": place(2), "g": place(8, handler=True), "h": place(9, handler=True)}
    assert every_announcement(places, "aghb", "abgh", "ahb", "abg") == {"aghb"}


@pytest.mark.parametrize("ways", [("ab", "ba"), ("abc", "bca", "cab"), ("abc", "cba")])
def test_ways_that_go_in_circles_have_an_order_all_the_same(ways):
    assert every_announcement({"a": place(1), "b": place(2), "c": place(3)}, *ways) == {"abc"}


def test_what_no_host_begins_is_before_what_stands_next_and_before_the_handlers_that_it_flushes():
    handler = place(9, handler=True)
    places = {"m": place(2), "a": place(1), "b": place(3), "h": handler, "n": place(4)}
    assert every_announcement(places, "ahb", "ab") == {"amhbn"}
    assert every_announcement(places, "abh", "ab") == {"ambnh"}


def test_what_no_host_begins_below_an_include_stays_there():
    places = {"i": place(1), "m": place(1, ("f", 2)), "a": place(1, ("f", 1)), "b": place(1, ("f", 3)), "z": place(2)}
    assert every_announcement(places, "iabz") == {"iambz"}


def test_what_no_host_begins_in_a_file_of_its_own_is_first():
    assert names({"a": place(1), "m": place(("other", 3))}, "a") == "ma"
    assert names({"m": place(2), "n": place(1)}) == "nm"


def test_a_place_that_is_not_known_is_one():
    assert arranged([TaskPlace((("", 0),)), TaskPlace((("", 0),))], [[1, 0]]) == [1, 0]


def test_the_time_grows_with_what_hosts_have_begun():
    def seconds(count: int) -> float:
        tasks = [place(number, handler=bool(number % 2)) for number in range(count)]
        ways = [[*range(turn, count), *range(turn)] for turn in range(20)]
        begin = time.perf_counter()
        arranged(tasks, ways)
        return time.perf_counter() - begin

    seconds(500)
    assert min(seconds(8000) for _ in range(3)) < 16 * min(seconds(2000) for _ in range(3))
