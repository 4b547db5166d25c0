# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_events.store import open_store
from tests.store.making import append, make_event, new_job


def spread(job, texts):
    """Return events that show these texts, with their lines numbered."""
    events, line = [], 0
    for counter, text in enumerate(texts, start=1):
        end = line + text.count("\n") + (bool(text) and not text.endswith("\n"))
        events.append(make_event(job, counter, stdout=text, start_line=line, end_line=end))
        line = end
    return events


TEXTS = ["", "one\ntwo\n", "", "three\n", "four\r\nfi\rve\r\nsix\x0bsix\u2028six\n", "", "no newline"]
LINES = ["one\n", "two\n", "three\n", "four\r\n", "fi\rve\r\n", "six\x0bsix\u2028six\n", "no newline"]


@pytest.fixture
def shown(store, job):
    append(store, job, spread(job, TEXTS))


def test_the_whole_output_is_all_texts_joined(store, job, shown):
    assert "".join(store.stdout(job.id)) == "".join(TEXTS)


@pytest.mark.parametrize("start", range(9))
@pytest.mark.parametrize("end", [None, *range(9)])
def test_a_range_is_these_lines(store, job, shown, start, end):
    assert "".join(store.stdout(job.id, start=start, end=end)) == "".join(LINES[start:end])


def test_a_job_without_output_shows_nothing(store, job):
    append(store, job, [make_event(job, 1)])
    assert list(store.stdout(job.id)) == []
    assert list(store.stdout(job.id, start=5)) == []
    assert list(store.stdout(987654)) == []


def test_output_goes_over_many_pages(store, job):
    texts = [f"line {number}\n" for number in range(3000)]
    append(store, job, spread(job, texts))
    assert "".join(store.stdout(job.id)) == "".join(texts)
    assert "".join(store.stdout(job.id, start=1500, end=2700)) == "".join(texts[1500:2700])


@settings(max_examples=30, deadline=None)
@given(
    lines=st.lists(st.lists(st.text("ab\r \x0c\0", max_size=3), max_size=3), max_size=8),
    start=st.integers(0, 20),
    length=st.none() | st.integers(0, 20),
)
def test_any_range_of_any_output(tmp_path_factory, lines, start, length):
    texts = ["".join(f"{line}\n" for line in event) for event in lines]
    every = [f"{line}\n" for event in lines for line in event]
    end = None if length is None else start + length
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('any')}/events.db") as store:
        job = store.add_job(new_job())
        append(store, job, spread(job, texts))
        assert "".join(store.stdout(job.id, start=start, end=end)) == "".join(every[start:end])


def test_the_whole_output_is_not_in_memory_at_once(store, job):
    size = 1_000_000
    append(store, job, spread(job, ["x" * size + "\n"] * 60))
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in store.stdout(job.id)) == 60 * (size + 1)
        assert tracemalloc.get_traced_memory()[1] < 20 * size
    finally:
        tracemalloc.stop()


def test_a_range_does_not_load_the_rest(store, job):
    size = 1_000_000
    texts = ["x" * size + "\n"] * 30 + ["wanted\n"] + ["y" * size + "\n"] * 30
    append(store, job, spread(job, texts))
    tracemalloc.start()
    try:
        assert "".join(store.stdout(job.id, start=30, end=31)) == "wanted\n"
        assert tracemalloc.get_traced_memory()[1] < 3 * size
    finally:
        tracemalloc.stop()
