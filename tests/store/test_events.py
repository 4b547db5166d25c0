# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import tracemalloc

import pytest

from forge_events.events import EventFilter
from tests.store.making import ALL, Play, append, make_event


def counters(events):
    return [event.counter for event in events]


@pytest.fixture
def many(store, job):
    """Return how many events the job has: more than a page."""
    count = 2500
    events = [make_event(job, counter, event_data={"host": f"h{counter % 3}"}) for counter in range(1, count + 1)]
    append(store, job, events)
    return count


def test_events_come_by_counter_over_all_pages(store, job, many):
    assert counters(store.events(job.id, ALL)) == list(range(1, many + 1))


def test_reading_goes_on_behind_a_counter(store, job, many):
    assert counters(store.events(job.id, ALL, after=many - 3)) == [many - 2, many - 1, many]
    assert counters(store.events(job.id, ALL, after=many)) == []


@pytest.mark.parametrize("limit", [0, 1, 999, 1000, 1001, 2499, 9999])
def test_no_more_events_come_than_asked_for(store, job, many, limit):
    assert counters(store.events(job.id, ALL, limit=limit)) == list(range(1, min(limit, many) + 1))


def test_a_filter_finds_matches_on_every_page(store, job, many):
    found = counters(store.events(job.id, EventFilter(host="h0"), after=3, limit=700))
    assert found == list(range(6, many + 1, 3))[:700]


def test_events_that_are_added_while_one_reads_are_seen(store, job, many):
    reading = store.events(job.id, ALL)
    assert next(reading).counter == 1
    append(store, job, [make_event(job, many + 1)])
    assert sum(1 for _ in reading) == many


def test_a_store_can_be_written_while_one_reads(store, job, many):
    for event in itertools.islice(store.events(job.id, ALL), 3):
        assert append(store, job, [make_event(job, many + event.counter)])


def test_a_job_without_events_has_none(store, job):
    assert list(store.events(job.id, ALL)) == []
    assert list(store.events(987654, ALL)) == []
    assert store.last_events(job.id, ALL) == []


@pytest.fixture
def played(store, job):
    play = Play(job)
    for name in ("install", "configure"):
        task = play.task(name)
        play.host("runner_on_start", task, "h1")
        play.host("runner_on_ok", task, "h1", res={"changed": name == "configure"}, stdout="")
        play.host("runner_on_failed", task, "h2", res={})
    play.add("playbook_on_stats", play.root, failures={"h2": 1})
    append(store, job, play.events)
    return play


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"host": "h1"}, [4, 5, 8, 9]),
        ({"host": "h"}, []),
        ({"host": "H1"}, []),
        ({"task": "install"}, [3, 4, 5, 6]),
        ({"event": "runner_on_ok"}, [5, 9]),
        ({"is_failed": True}, [1, 2, 3, 6, 7, 10, 11]),
        ({"is_changed": True}, [1, 2, 7, 9]),
        ({"is_failed": True, "is_changed": True}, [1, 2, 7]),
        ({"host": "h2", "task": "configure", "event": "runner_on_failed", "is_failed": True}, [10]),
        ({"host": "h2", "event": "runner_on_ok"}, []),
    ],
)
def test_conditions_must_all_hold(store, job, played, where, expected):
    assert counters(store.events(job.id, EventFilter(**where))) == expected


def test_the_last_event_is_the_one_with_the_greatest_counter(store, job, played):
    assert store.last_events(job.id, ALL)[-1].event == "playbook_on_stats"
    assert [e.counter for e in store.last_events(job.id, EventFilter(event="runner_on_ok"))] == [9]
    assert store.last_events(job.id, EventFilter(host="nobody")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fatal", [1]),
        ("FATAL", [1]),
        ("straße", [2]),
        ("STRAẞE", [2]),
        ("ÜBER", [2]),
        ("100%", [3]),
        ("%", [3]),
        ("a_b", [3]),
        ("_", [3]),
        ("c:\\dir", [4]),
        ("/", [5]),
        ("\0", [5]),
        ("\udc80", [5]),
        ("'; DROP", [6]),
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("no such text", []),
        ("ffatal", []),
    ],
)
def test_a_search_finds_text_whatever_the_case(store, job, text, expected):
    texts = ["Fatal: no", "über die Straße", "100% a_b", "C:\\Dir", "x/\0y\udc80z", "'; drop table --", ""]
    append(store, job, [make_event(job, number, stdout=text) for number, text in enumerate(texts, start=1)])
    assert counters(store.events(job.id, EventFilter(search=text))) == expected


def test_large_events_are_not_all_in_memory_at_once(store, job):
    size = 1_000_000
    for counter in range(1, 61):
        append(store, job, [make_event(job, counter, stdout="x" * size)])
    tracemalloc.start()
    try:
        assert sum(len(event.stdout) for event in store.events(job.id, ALL)) == 60 * size
        assert tracemalloc.get_traced_memory()[1] < 20 * size
    finally:
        tracemalloc.stop()


def test_the_last_events_come_in_order(store, job):
    append(
        store, job, [make_event(job, counter, "runner_on_ok" if counter % 2 else "verbose") for counter in range(1, 11)]
    )
    assert counters(store.last_events(job.id, ALL, limit=3)) == [8, 9, 10]
    assert counters(store.last_events(job.id, EventFilter(event="runner_on_ok"), limit=2)) == [7, 9]
    assert counters(store.last_events(job.id, ALL, limit=100)) == list(range(1, 11))
