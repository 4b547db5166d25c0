# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

from tests.store.making import NOW, append, ended, make_event


def showed(store, *texts, **facts):
    job = ended(store, **facts)
    append(store, job, [make_event(job, number, stdout=text) for number, text in enumerate(texts, start=1)])
    return job


def places(events):
    return [(event.job_id, event.counter) for event in events]


def test_a_text_is_found_in_all_jobs_newest_first(store):
    one = showed(store, "nothing", "a Needle", "needle\n")
    showed(store, "hay")
    two = showed(store, "NEEDLE 100%")
    assert places(store.search("needle")) == [(two.id, 1), (one.id, 2), (one.id, 3)]
    assert places(store.search("100%")) == [(two.id, 1)]
    assert places(store.search("%")) == [(two.id, 1)]
    assert places(store.search("no such text")) == []


def test_a_search_is_over_after_so_many(store):
    one = showed(store, *["needle"] * 5)
    two = showed(store, *["needle"] * 2)
    assert places(store.search("needle", limit=3)) == [(two.id, 1), (two.id, 2), (one.id, 1)]
    assert places(store.search("needle", limit=0)) == []


def test_a_search_can_go_on_before_a_job(store):
    one, two = showed(store, "needle"), showed(store, "needle")
    assert places(store.search("needle", before=two.id)) == [(one.id, 1)]
    assert places(store.search("needle", before=one.id)) == []


def test_a_search_can_be_narrowed_to_young_jobs_whatever_their_ids(store):
    day = datetime.timedelta(days=1)
    young = showed(store, "needle", created=NOW)
    showed(store, "needle", created=NOW - 9 * day)  # ingested late
    other = showed(store, "needle", created=NOW - day)
    assert places(store.search("needle", since=NOW - 2 * day)) == [(other.id, 1), (young.id, 1)]
    assert places(store.search("needle", since=NOW + day)) == []


def test_a_store_without_jobs_has_nothing(store):
    assert list(store.search("x")) == []
