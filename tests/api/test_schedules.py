# SPDX-License-Identifier: Apache-2.0
"""Schedules as AWX's clients make, change and look at them."""

from __future__ import annotations

import datetime

import pytest

from forge_events.dispatcher.scheduler import Scheduler
from forge_events.launches import Launch
from forge_events.templates import JobTemplate
from tests.api.conftest import START

RULE = "DTSTART;TZID=America/New_York:20990301T210000 RRULE:FREQ=WEEKLY;BYDAY=TU;INTERVAL=1;COUNT=3"


@pytest.fixture
def template(api_everywhere):
    what = Launch.of(playbook="site.yml", project="/srv")
    new = JobTemplate.of(name="deploy", launch=what, ask=["limit", "extra_vars"], created=START, modified=START)
    return api_everywhere.store.templates.add(new)


def test_a_schedule_is_made_found_changed_and_deleted(api_everywhere, template):
    api = api_everywhere
    assert api.get("/api/v2/unified_job_templates/", name="deploy")["results"][0]["id"] == template.id
    values = {"name": "nightly", "rrule": RULE, "unified_job_template": template.id, "enabled": True, "limit": "web"}
    answer = api.client.post("/api/v2/schedules/", json={**values, "extra_data": {"k": "{{ v }}"}, "inventory": None})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["type"], made["rrule"], made["limit"], made["extra_data"]) == (
        "schedule",
        RULE,
        "web",
        {"k": "{{ v }}"},
    )
    assert (made["dtstart"], made["next_run"]) == ("2099-03-02T02:00:00Z", "2099-03-04T02:00:00Z")
    assert (made["dtend"], made["timezone"], made["until"]) == ("2099-03-18T01:00:00Z", "America/New_York", "")
    assert (made["job_type"], made["verbosity"], made["job_tags"]) == (None, None, None)
    path = made["url"]
    found = api.get("/api/v2/schedules/", name="nightly", unified_job_template=template.id)
    assert [each["id"] for each in found["results"]] == [made["id"]]
    assert api.get(f"/api/v2/job_templates/{template.id}/schedules/")["count"] == 1
    off = api.client.patch(path, json={"enabled": False}).json()
    assert (off["enabled"], off["next_run"], off["limit"]) == (False, None, "web")
    on = api.client.patch(path, json={"enabled": True, "limit": None, "extra_data": {}}).json()
    assert (on["next_run"], on["limit"], on["extra_data"]) == (made["next_run"], None, {})
    reader = api.as_user("reader")
    assert reader.get(path).json()["extra_data"] == {}
    assert reader.post("/api/v2/schedules/", json={**values, "name": "x"}).status_code == 403
    assert reader.delete(path).status_code == 403
    assert api.client.delete(path).status_code == 204
    assert api.client.get(path).status_code == 404


def test_the_jobs_of_a_schedule_are_listed(api_everywhere, template):
    api, soon = api_everywhere, api_everywhere.store.now() + datetime.timedelta(seconds=90)
    values = {"name": "often", "rrule": "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY"}
    made = api.client.post(f"/api/v2/job_templates/{template.id}/schedules/", json=values).json()
    jobs = made["related"]["unified_jobs"]
    assert api.get(jobs)["count"] == 0
    assert Scheduler(api.store).run_once(soon).decided
    (job,) = api.get(jobs)["results"]
    assert (job["launch_type"], job["job_template"]) == ("scheduled", template.id)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": None}, "name"),
        ({"rrule": ""}, "rrule"),
        ({"rrule": "FREQ=DAILY"}, "rrule"),
        ({"rrule": RULE.replace("New_York", "Nowhere")}, "rrule"),
        ({"unified_job_template": 77}, "unified_job_template"),
        ({"job_tags": "a"}, "job_tags"),
        ({"limit": "@/etc/passwd"}, "limit"),
        ({"extra_data": {"ansible_connection": "local"}}, "extra_data"),
        ({"job_slice_count": 2}, "job_slice_count"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_by_its_field(api_everywhere, template, values, field):
    body = {"name": "x", "rrule": RULE, "unified_job_template": template.id, **values}
    answer = api_everywhere.client.post("/api/v2/schedules/", json=body)
    assert answer.status_code == 400
    assert field in answer.json()
    assert api_everywhere.store.schedules.all() == []


def test_a_rule_is_previewed_and_zones_are_told(api_everywhere):
    answer = api_everywhere.client.post("/api/v2/schedules/preview/", json={"rrule": RULE})
    assert answer.json()["local"][0] == "2099-03-03T21:00:00-05:00"
    assert answer.json()["utc"][0] == "2099-03-04T02:00:00Z"
    assert api_everywhere.client.post("/api/v2/schedules/preview/", json={}).status_code == 400
    assert "Europe/Berlin" in api_everywhere.get("/api/v2/schedules/zoneinfo/")["zones"]
