# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tempfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forge_events.events import EventFilter
from forge_events.store import open_store
from forge_events.store.text import MAX_NAME, decode, encode, short
from tests.store.making import ALL, append, make_event, new_job

any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("\0␛\ud800\udfff0a\r\n"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(any_text, values, max_size=4),
    max_leaves=12,
)


@given(any_text)
@example("␛0000")
@example("␛")
@example("\ud83d\ude00")
@example("\0\0")
def test_any_text_comes_back(text):
    stored = encode(text)
    assert decode(stored) == text
    assert "\0" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored


@given(any_text)
def test_text_without_such_characters_is_stored_as_it_is(text):
    if not set(text) & {"\0", "␛"} and not any("\ud800" <= character <= "\udfff" for character in text):
        assert encode(text) == text


def test_the_form_is_the_one_that_is_stated():
    assert encode("a\0b\udc80c␛d") == "a␛0000b␛dc80c␛241bd"


@given(st.text(min_size=0, max_size=3 * MAX_NAME))
def test_a_short_name_is_not_longer_than_it_may_be(name):
    assert len(encode(short(name)).encode()) <= MAX_NAME
    assert short(short(name)) == short(name)
    assert short(name) == name or len(encode(name).encode()) > MAX_NAME


def test_over_long_names_that_differ_stay_different():
    assert short("x" * 5000 + "a") != short("x" * 5000 + "b")
    assert "…" in short("x" * 5000)


STRANGE = ["\0", "␛", "%", "_", "\\", "/", "'", '"', "🎉", "\r\n", "\x1b"]


@pytest.mark.parametrize("character", STRANGE)
@pytest.mark.parametrize("field", ["uuid", "parent_uuid"])
def test_a_uuid_takes_every_character_of_unicode(store, job, field, character):
    event = make_event(job, 1, **{field: f"a{character}b"})
    assert append(store, job, [event])
    assert list(store.events(job.id, ALL)) == [event]


@pytest.mark.parametrize("character", [*STRANGE, chr(0xD800), chr(0xDFFF)])
@pytest.mark.parametrize("field", ["stdout", "runner_ident"])
def test_every_field_takes_every_character(store, job, field, character):
    event = make_event(job, 1, **{field: f"a{character}b"})
    assert append(store, job, [event])
    assert list(store.events(job.id, ALL)) == [event]


@pytest.mark.parametrize("name", ["a\0b", "\udc80", "␛0000", "ü" * 5000, "\ud800" * 5000])
@pytest.mark.parametrize(
    ("field", "key"), [("host_name", "host"), ("task", "task"), ("play", "play"), ("role", "role")]
)
def test_strange_names_are_kept_and_found(store, job, field, key, name):
    event = make_event(job, 1, "runner_on_ok", event_data={key: name})
    assert append(store, job, [event, make_event(job, 2)])
    (found,) = store.last_events(job.id, EventFilter(event="runner_on_ok"))
    assert getattr(found, field) == short(name)
    assert found.event_data[key] == name
    if key in ("host", "task"):
        assert list(store.events(job.id, EventFilter(**{key: name}))) == [found]


def test_a_strange_host_is_one_host_over_many_batches(store, job):
    for counter, name in enumerate(("h\0" * 3000, "\udc80"), start=1):
        for batch in range(3):
            event = make_event(job, counter * 10 + batch, "runner_on_ok", event_data={"host": name})
            append(store, job, [event])
    assert sorted(summary.ok for summary in store.host_summaries(job.id)) == [3, 3]


@settings(max_examples=40, deadline=None)
@given(text=any_text, data=st.dictionaries(any_text, json_values, max_size=3), name=any_text)
def test_any_event_comes_back(text, data, name):
    data = {**data, "host": name, "task": name}
    with tempfile.TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/events.db") as store:
        job = store.add_job(new_job(name=name, command=[text]))
        event = make_event(job, 1, "runner_on_ok", stdout=text, event_data=data)
        assert append(store, job, [event])
        (found,) = store.events(job.id, ALL)
        assert found.stdout == text
        assert found.event_data == data
        assert found == event
        assert "".join(store.stdout(job.id)) == text
        assert (store.job(job.uuid).name, store.job(job.uuid).command) == (name, [text])
