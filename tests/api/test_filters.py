# SPDX-License-Identifier: Apache-2.0
"""AWX's filters: one table of queries, of which each finds the same and says the same on every database."""

from __future__ import annotations

import datetime

import pytest

from forge_events.errors import SearchTooLong
from forge_events.jobs import JobStatus
from forge_events.queries import Condition, Query
from tests.api.conftest import START, recorded

PLAYS = [
    ("site.yml", JobStatus.SUCCESSFUL),
    ("Site Two.yml", JobStatus.FAILED),
    ("näme_50%.yml", JobStatus.CANCELED),
    ("deploy.yml", JobStatus.RUNNING),
    ("a.b.yml", JobStatus.ERROR),
]
TIME = "It must be in YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ] format."
FOUND = {
    "": [1, 2, 3, 4, 5],
    "id=2": [2],
    "pk=2": [2],
    "not__id=2": [1, 3, 4, 5],
    "id__in=1,3,99": [1, 3],
    "id__gt=3": [4, 5],
    "id__gte=3&id__lt=5": [3, 4],
    "id=99999999999999999999": [],
    "id__icontains=1": [1],
    "id__startswith=2": [2],
    "verbosity__icontains=0": [1, 2, 3, 4, 5],
    "verbosity=0": [1, 2, 3, 4, 5],
    "name=site.yml": [1],
    "name__iexact=SITE.YML": [1],
    "name__contains=ite": [1, 2],
    "name__icontains=SITE": [1, 2],
    "name__icontains=NÄME": [3],
    "name__icontains=50%": [3],
    "name__icontains=_": [3],
    "name__startswith=Site": [2],
    "name__istartswith=site": [1, 2],
    "name__endswith=.yml": [1, 2, 3, 4, 5],
    "name__iendswith=TWO.YML": [2],
    "name__regex=^a.b": [5],
    "name__iregex=^SITE": [1, 2],
    "name=site.yml&name=deploy.yml": [],
    "or__name=site.yml&or__name=deploy.yml": [1, 4],
    "or__name=site.yml&or__status=failed&id__gt=1": [2],
    "chain__name=site.yml": [1],
    "failed=true": [2, 3, 5],
    "failed=f": [1, 4],
    "failed__icontains=t": [2, 3, 5],
    "failed__contains=t": [],
    "status__in=failed,error": [2, 5],
    "not__status=running": [1, 2, 3, 5],
    "finished__isnull=true": [4],
    "started__isnull=false": [1, 2, 3, 4, 5],
    "created__gt=2026-01-02T03:06:00Z": [3, 4, 5],
    "created__lt=2026-01-02 03:06": [1, 2],
    "elapsed__gte=1.5": [1, 2, 3, 5],
    "elapsed__gt=inf": [],
    "inventory=none": [1, 2, 3, 4, 5],
    "inventory__isnull=false": [],
    "job_template__name=x": [],
    "labels__name__icontains=x": [],
    "not__labels__name=x": [1, 2, 3, 4, 5],
    "created_by__username=admin": [],
    "created_by__isnull=true": [1, 2, 3, 4, 5],
    "job_host_summaries__host_name=web2": [1, 2, 3, 4, 5],
    "search=SITE": [1, 2],
    "search=site two": [2],
    "search=%": [3],
    "type=job": [1, 2, 3, 4, 5],
    "type=workflow_job": [],
    "order_by=-id": [5, 4, 3, 2, 1],
    "order_by=-failed,name": [2, 5, 3, 4, 1],
    "page_size=2&page=2&order_by=id": [3, 4],
    "page_size=x": [1, 2, 3, 4, 5],
    "page_size=0": [1, 2, 3, 4, 5],
    "count_disabled&page_size=2&page=2": [3, 4],
    "limit=1000000000": [1, 2, 3, 4, 5],
}
REFUSED = {
    "nope=1": (400, "Job has no field named 'nope'"),
    "name__nope=1": (400, "No related model for field nope."),
    "id=abc": (400, '["“abc” value must be an integer."]'),
    "id__icontains=abc": (400, '["“abc” value must be an integer."]'),
    "verbosity=abc": (400, '["“abc” value must be an integer."]'),
    "elapsed=abc": (400, '["“abc” value must be a decimal number."]'),
    "elapsed__gt=nan": (400, '["“nan” value must be a decimal number."]'),
    "elapsed__icontains=1": (400, "elapsed is not a text field and cannot be filtered by icontains"),
    "created=x": (400, f'["“x” value has an invalid format. {TIME}"]'),
    "failed=maybe": (400, 'Unable to convert "maybe" to boolean'),
    "id__in=": (400, "cannot provide empty value for __in"),
    "job_template=abc": (400, "Invalid job_template id: abc"),
    "name__search=x": (400, "name is not searchable"),
    "id__iexact=1": (400, "id is not a text field and cannot be filtered by case-insensitive search"),
    "name__regex=(": (400, "missing ), unterminated subpattern at position 0"),
    "=x": (400, "Query string field name not provided."),
    "jöb=1": (400, "jöb is not an allowed field name. Must be ascii encodable."),
    "job_template__jobs__job_template=1": (400, "Loops not allowed in filters, detected on field job_template."),
    "order_by=": (400, "Query string field name not provided."),
    "order_by=nope": (400, "Job has no field named 'nope'"),
    "extra_vars=x": (403, "Filtering on extra_vars is not allowed."),
    "start_args=x": (403, "Filtering on start_args is not allowed."),
    "created_by__password=x": (403, "Filtering on password is not allowed."),
    "page=9": (404, "Invalid page."),
    "page=x": (404, "Invalid page."),
}


@pytest.fixture
def jobs(api_everywhere):
    for name, status in PLAYS:
        recorded(api_everywhere.store, name, status=status)
    return api_everywhere


def test_every_filter_finds_the_same_on_every_database(jobs):
    """Checks 19 and 20."""
    found, refused = {}, {}
    for query in FOUND:
        response = jobs.client.get(f"/api/v2/jobs/?{query}")
        found[query] = [job["id"] for job in response.json()["results"]] if response.is_success else response.text
    for query in REFUSED:
        response = jobs.client.get(f"/api/v2/jobs/?{query}")
        refused[query] = (response.status_code, response.json().get("detail"))
    assert found == FOUND
    assert refused == REFUSED
    assert jobs.client.get("/api/v2/jobs/", params={"name": "a\0"}).json() == ["Null characters are not allowed."]


def test_a_pattern_that_takes_too_long_is_given_up(api_everywhere):
    recorded(api_everywhere.store, "a" * 60)
    response = api_everywhere.client.get("/api/v2/jobs/", params={"name__regex": "(?:a|a|ab)+c"})
    if response.status_code == 200:  # PostgreSQL's engine never goes back
        assert response.json()["count"] == 0
    else:
        assert (response.status_code, response.json()) == (400, {"detail": str(SearchTooLong())})


def test_jobs_are_narrowed_by_words_and_age_where_they_are_stored(jobs):
    from forge_events.jobs import JobFilter

    def found(**values):
        return [job.id for job in jobs.store.jobs(JobFilter(**values))]

    assert found(words=("SITE", "ansible-playbook")) == [2, 1]
    assert found(words=("50%",)) == [3]
    assert found(words=("site two.YML",)) == [2]
    assert found(words=("4",)) == [4]
    assert found(since=START + datetime.timedelta(minutes=3)) == [5, 4]
    assert found(words=("yml",), status=JobStatus.ERROR) == [5]


def test_a_search_of_the_store_without_a_pattern_is_not_hurried(store):
    where = Condition("username", "iregex", "x")
    assert Query(every=(where,)).has_pattern and Query(groups=((where,),)).has_pattern
    assert not Query(every=(where._replace(lookup="icontains"),)).has_pattern
