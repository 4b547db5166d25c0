# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from forge_events.errors import UnknownJob
from forge_events.store import Retention, open_store
from forge_events.store.columns import Json
from tests.store.making import ALL, NOW, Play, append, ended, later, make_event


def test_every_field_of_an_event_comes_back(store, job):
    event = make_event(
        job,
        7,
        "runner_on_failed",
        uuid="7-7",
        parent_uuid="3-3",
        event_data={
            "playbook": "site.yml",
            "play": "p",
            "task": "t",
            "role": "r",
            "host": "h",
            "res": {"changed": True, "n": [1, 2.5, None, True, {"ü": "\0\ud800"}]},
        },
        stdout="\x1b[31mfatal\x1b[0m\r\n",
        start_line=10,
        end_line=11,
        verbosity=2,
        pid=99,
        runner_ident="ident",
    )
    assert append(store, job, [event])
    (found,) = store.events(job.id, ALL)
    assert found == event
    assert (found.failed, found.changed, found.host_name, found.created) == (True, True, "h", NOW)
    assert found.created.utcoffset() == datetime.timedelta(0)


def test_the_smallest_event_comes_back(store, job):
    event = make_event(job, 1)
    assert append(store, job, [event])
    assert list(store.events(job.id, ALL)) == [event]


def test_appending_moves_the_position(store, job):
    assert store.position("source") == 0
    assert store.append(job, [make_event(job, 1)], source="source", expected=0, position=123)
    assert store.position("source") == 123
    assert store.position("another") == 0


def test_a_batch_that_was_delivered_before_changes_nothing(store, job):
    events = [make_event(job, counter) for counter in (1, 2, 3)]
    assert store.append(job, events, source="s", expected=0, position=30)
    before = (list(store.events(job.id, ALL)), store.job(str(job.id)))
    assert not store.append(job, events, source="s", expected=0, position=30)
    assert (list(store.events(job.id, ALL)), store.job(str(job.id))) == before
    assert store.position("s") == 30


@pytest.mark.parametrize("expected", [0, 29, 31])
def test_a_batch_from_another_position_is_refused_whole(store, job, expected):
    assert store.append(job, [make_event(job, 1)], source="s", expected=0, position=30)
    assert not store.append(job, [make_event(job, 2)], source="s", expected=expected, position=60)
    assert [event.counter for event in store.events(job.id, ALL)] == [1]
    assert store.position("s") == 30


def test_a_counter_that_is_there_is_not_added_again(store, job):
    append(store, job, [make_event(job, counter, stdout="first") for counter in (1, 2, 3)])
    assert append(store, job, [make_event(job, counter, stdout="second") for counter in (2, 4, 4, 1)])
    found = [(event.counter, event.stdout) for event in store.events(job.id, ALL)]
    assert found == [(1, "first"), (2, "first"), (3, "first"), (4, "second")]
    assert store.job(str(job.id)).event_count == 4


def test_of_two_events_with_one_counter_the_first_is_kept(store, job):
    append(store, job, [make_event(job, 1, stdout="first"), make_event(job, 1, stdout="second")])
    assert [event.stdout for event in store.events(job.id, ALL)] == ["first"]


def test_a_counter_may_go_back(store, job):
    append(store, job, [make_event(job, counter) for counter in (5, 3)])
    append(store, job, [make_event(job, counter) for counter in (4, 1)])
    assert [event.counter for event in store.events(job.id, ALL)] == [1, 3, 4, 5]


def test_an_event_that_is_there_is_not_counted_again(store, job):
    play = Play(job)
    play.host("runner_on_ok", play.task("t"), "h", res={"changed": True})
    append(store, job, play.events)
    append(store, job, play.events, source="a copy")
    (summary,) = store.host_summaries(job.id)
    assert (summary.ok, summary.changed) == (1, 1)
    assert store.job(str(job.id)).event_count == len(play.events)


def test_an_empty_batch_moves_the_position(store, job):
    assert store.append(job, [], source="s", expected=0, position=10)
    assert store.position("s") == 10
    assert store.job(str(job.id)).event_count == 0


def test_events_of_jobs_do_not_mix(store, job):
    other = ended(store)
    append(store, job, [make_event(job, 1, stdout="mine")])
    append(store, other, [make_event(other, 1, stdout="other")])
    assert [event.stdout for event in store.events(job.id, ALL)] == ["mine"]
    assert [event.stdout for event in store.events(other.id, ALL)] == ["other"]


def test_nothing_is_added_to_a_job_that_was_dropped(store):
    job = ended(store)
    assert list(store.drop_jobs(Retention(later(1))))
    with pytest.raises(UnknownJob):
        append(store, job, [make_event(job, 1)])
    assert store.position(job.uuid) == 0
    assert list(store.events(job.id, ALL)) == []


def test_a_large_batch_is_one_transaction(store, job, url):
    events = [make_event(job, counter) for counter in range(1, 10_001)]
    assert append(store, job, events)
    with open_store(url) as other:
        assert sum(1 for _ in other.events(job.id, ALL)) == 10_000


def test_the_largest_numbers_are_stored(store, job):
    most = 2**63 - 1
    event = make_event(job, most, start_line=most, end_line=most, verbosity=most, pid=most)
    assert append(store, job, [event])
    assert list(store.events(job.id, ALL)) == [event]
    assert append(store, job, [event])
    assert store.last_events(job.id, ALL)[-1] == event


def test_a_result_of_many_megabytes_is_stored(store, job):
    event = make_event(job, 1, event_data={"res": {"stdout": "ä" * 6_000_000}}, stdout="z" * 6_000_000)
    assert append(store, job, [event])
    assert list(store.events(job.id, ALL)) == [event]


def test_a_value_nested_as_deep_as_the_recorder_lets_it_be_is_stored(store, job):
    value: object = "leaf"
    for level in range(240):
        value = [value] if level % 2 else {"k": value}
    event = make_event(job, 1, event_data={"res": value})
    append(store, job, [event])
    assert list(store.events(job.id, ALL)) == [event]


def test_a_value_nested_too_deep_is_marked_and_does_not_stop_the_batch(store, job):
    value: object = "leaf"
    for _ in range(200_000):
        value = [value]
    deep = make_event(job, 1, stdout="shown").model_copy(update={"event_data": {"res": value}})
    assert append(store, job, [deep, make_event(job, 2)])
    found = list(store.events(job.id, ALL))
    assert [event.counter for event in found] == [1, 2]
    assert found[0].stdout == "shown"
    assert "forge_events_unstorable" in found[0].event_data


def test_a_value_that_is_nested_too_deep_to_be_read_is_marked():
    text = "[" * 200_000 + "]" * 200_000
    assert "forge_events_unstorable" in Json().process_result_value(text, SQLiteDialect())


def test_numbers_that_json_lacks_are_stored_as_their_names(store, job):
    data = {"res": [float("nan"), float("inf"), {"x": -float("inf")}, 1.5]}
    append(store, job, [make_event(job, 1, event_data=data)])
    (found,) = store.events(job.id, ALL)
    assert found.event_data == {"res": ["NaN", "Infinity", {"x": "-Infinity"}, 1.5]}
