# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime
import json
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import structs
from pydantic import ValidationError

from forge_events.events import EventFilter, EventRow, JobEvent
from forge_events.hierarchy import EVENTS

LINE = {
    "uuid": "u",
    "parent_uuid": "p",
    "counter": 2,
    "event": "runner_on_ok",
    "created": "2026-01-02T03:04:05.000006Z",
}
WHOLE = {
    **LINE,
    "event_data": {"task": "t", "host": "h", "res": {"changed": True}},
    "stdout": "changed: [h]\n",
    "start_line": 3,
    "end_line": 4,
    "created": "2026-01-02T03:04:05.000006+00:00",
    "verbosity": 0,
    "pid": 7,
    "runner_ident": "i",
}

any_value = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 2**63 - 1, 2**63, 1.0, float("nan"), "", "x" * 1024, "x" * 1025, "5", "verbose"])
    | st.text(st.characters(exclude_categories=()))
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC)).map(
        lambda time: time.isoformat(timespec="microseconds")
    )
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-3][0-9][T ][0-2][0-9]:[0-9]{2}:[0-9]{2}[.,][0-9]{6}[+]00:00", fullmatch=True)
    | st.lists(st.integers())
    | st.dictionaries(st.text() | st.integers(), st.integers() | st.text(), max_size=3)
)


def event(**fields):
    return JobEvent.from_spool({**LINE, **fields}, job_id=7)


def test_what_a_line_leaves_out_is_empty():
    found = event()
    assert found.created == datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    assert (found.job_id, found.stdout, found.event_data, found.pid, found.host_name) == (7, "", {}, None, "")
    assert (found.failed, found.changed, found.start_line, found.end_line, found.verbosity) == (False, False, 0, 0, 0)


def test_names_come_from_the_event_data():
    data = {"playbook": "a.yml", "play": "p", "task": "t", "role": "r", "host": "h"}
    found = event(event_data=data)
    assert (found.playbook, found.play, found.task, found.role, found.host_name) == ("a.yml", "p", "t", "r", "h")
    assert found.event_data == data


@pytest.mark.parametrize(
    ("name", "text"),
    [(None, ""), ("", ""), (5, "5"), (0, ""), (True, "true"), (["a"], '["a"]'), ({"a": 1}, '{"a": 1}')],
)
def test_a_name_is_text(name, text):
    assert event(event_data={"task": name}).task == text


@pytest.mark.parametrize("field", ["failed", "changed", "host_name", "job_id"])
def test_a_line_cannot_say_what_is_derived(field):
    assert getattr(event(**{field: "1"}), field) == getattr(event(), field)


@pytest.mark.parametrize(("name", "rule"), EVENTS.items())
def test_failures_are_what_the_hierarchy_says(name, rule):
    assert event(event=name).failed is rule.is_failure
    assert event(event=name, event_data={"ignore_errors": True}).failed is rule.is_failure


def test_a_change_is_what_the_result_says():
    assert event(event_data={"res": {"changed": True}}).changed
    assert not event(event="runner_retry", event_data={"res": {"changed": True}}).changed


@pytest.mark.parametrize("name", ["", "playbook_on_wonder", "runner_on_ok ", "\0", "x" * 5000])
def test_an_unknown_event_is_a_message_that_keeps_its_name(name):
    found = event(event=name, event_data={"a": 1}, stdout="shown")
    assert (found.event, found.stdout, found.event_data) == ("verbose", "shown", {"a": 1, "unknown_event": name})
    assert not found.failed


@pytest.mark.parametrize(
    ("created", "utc"),
    [("2026-01-02T03:04:05+05:00", "2026-01-01T22:04:05+00:00"), ("2026-01-02T03:04:05", "2026-01-02T03:04:05+00:00")],
)
def test_a_time_is_in_utc(created, utc):
    assert event(created=created).created.isoformat() == utc


@pytest.mark.parametrize(
    "fields",
    [
        {"uuid": None},
        {"uuid": ""},
        {"uuid": "x" * 1025},
        {"counter": 0},
        {"counter": 2**63},
        {"counter": "two"},
        {"event": None},
        {"event": 5},
        {"event": []},
        {"created": None},
        {"created": "then"},
        {"created": "9999-12-31T23:59:59-12:00"},
        {"event_data": [1]},
        {"stdout": None},
        {"start_line": -1},
        {"end_line": 2**63},
        {"pid": "x"},
        {"verbosity": -1},
    ],
)
@pytest.mark.parametrize("line", [LINE, WHOLE])
def test_what_cannot_be_stored_is_refused(line, fields):
    with pytest.raises(ValidationError):
        event(**{**line, **fields})


def outcome(make):
    """Return what comes of a line: all values with their types, or all that is wrong with it."""
    try:
        found = make()
    except ValidationError as error:
        return [(part["loc"], part["type"]) for part in error.errors()]
    fields = dict(found) if isinstance(found, JobEvent) else structs.asdict(found)
    # As text, since one NaN is no other one.
    return {name: (repr(value), type(value)) for name, value in fields.items() if name not in ("job_id", "event_json")}


@given(
    st.dictionaries(st.sampled_from([*WHOLE, "failed", "more"]), any_value, max_size=3),
    st.sets(st.sampled_from([*WHOLE])),
)
@example({}, set())
@example({"created": "2026-01-02T24:00:00.000000+00:00"}, set())
@example({"created": "2026-W01-1T00:00:00.000000+00:00"}, set())
@example({"created": "0000-01-01T00:00:00.000000+00:00"}, set())
@example({"uuid": "\udc80"}, set())
@example({"parent_uuid": ""}, set())
@example({"counter": True}, set())
@example({"event_data": {1: 2}}, set())
def test_validation_is_left_out_only_where_it_changes_nothing(fields, missing):
    line = {name: value for name, value in {**WHOLE, **fields}.items() if name in fields or name not in missing}
    validated = outcome(lambda: JobEvent.from_spool(line, 7))
    row = outcome(lambda: EventRow.of(line))
    assert sorted(row) == sorted(validated)
    assert isinstance(validated, list) or row == validated


def test_a_line_as_they_all_are_takes_no_validation():
    with mock.patch.object(JobEvent, "model_validate", side_effect=AssertionError):
        assert EventRow.of(WHOLE).host_name == "h"
        assert EventRow.of_line(json.dumps(WHOLE).encode()) == structs.replace(
            EventRow.of(WHOLE), event_json=json.dumps(WHOLE["event_data"])
        )


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first of all values is slow to make on a busy machine
@given(
    st.dictionaries(
        st.sampled_from([*LINE, "event_data", "stdout", "start_line", "pid"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.integers()),
    )
)
def test_any_line_is_an_event_or_refused(fields):
    try:
        found = event(**fields)
    except ValidationError:
        return
    assert found.counter >= 1
    assert found.event in EVENTS
    assert found.created.tzinfo is datetime.UTC


def test_a_filter_without_conditions_asks_for_everything():
    assert EventFilter().model_dump(exclude_defaults=True) == {}


def test_an_event_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        event().stdout = "x"
