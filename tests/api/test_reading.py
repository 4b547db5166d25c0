# SPDX-License-Identifier: Apache-2.0
"""What reading clients find: ping, me, jobs, their events and their output."""

from __future__ import annotations

import json

from forge_events.jobs import JobStatus
from tests.api.conftest import recorded

LOGIN = "Authentication credentials were not provided. To establish a login session, visit /api/login/."


def test_ping_needs_no_login(api):
    response = api.anonymous.get("/api/v2/ping/")
    assert response.status_code == 200
    assert set(response.json()) == {"ha", "version", "active_node", "install_uuid", "instances", "instance_groups"}
    assert response.headers["x-api-product-name"] == "AWX"


def test_who_is_not_logged_in_is_told_so_and_asked_for_a_token(api):
    response = api.anonymous.get("/api/v2/me/")
    assert response.status_code == 401
    assert response.json() == {"detail": LOGIN}
    assert response.headers["www-authenticate"] == "Bearer realm=api authorization_url=/api/o/authorize/"


def test_a_token_names_its_user(api):
    page = api.get("/api/v2/me/")
    assert page["count"] == 1
    assert page["results"][0]["username"] == "admin"
    assert page["results"][0]["password"] == "$encrypted$"


def test_jobs_come_in_pages(api):
    for number in range(3):
        recorded(api.store, f"play-{number}.yml")
    page = api.get("/api/v2/jobs/", order_by="-id", page_size=2)
    assert [job["name"] for job in page["results"]] == ["play-2.yml", "play-1.yml"]
    assert page["count"] == 3
    assert page["next"] == "/api/v2/jobs/?order_by=-id&page=2&page_size=2"
    page = api.client.get(page["next"]).json()
    assert [job["name"] for job in page["results"]] == ["play-0.yml"]
    assert page["previous"] == "/api/v2/jobs/?order_by=-id&page=1&page_size=2"


def test_a_job_that_runs_has_not_failed_whatever_happened_in_it(api):
    running, failed = recorded(api.store, status=JobStatus.RUNNING), recorded(api.store, status=JobStatus.FAILED)
    assert api.get(f"/api/v2/jobs/{running.id}/")["failed"] is False
    assert api.get(f"/api/v2/jobs/{running.id}/")["event_processing_finished"] is False
    found = api.get(f"/api/v2/jobs/{failed.id}/")
    assert (found["failed"], found["event_processing_finished"]) == (True, True)
    assert "event_processing_finished" not in api.get("/api/v2/jobs/")["results"][0]


def test_events_chain_by_their_lines_and_end_without_a_line_end(api):
    job = recorded(api.store)
    events = api.get(f"/api/v2/jobs/{job.id}/job_events/", order_by="start_line", no_truncate=True)["results"]
    assert [event["id"] for event in events] == [job.id * 10**8 + counter for counter in range(1, 6)]
    line = 0
    for event in events:
        assert event["start_line"] == line
        line = event["end_line"]
    assert events[1]["stdout"] == "\r\nPLAY [web] ****"
    assert events[0]["parent_uuid"] == ""
    assert events[1]["event_display"] == "Play Started (web)"


def test_the_output_has_each_of_its_forms(api):
    job = recorded(api.store, lines=1)
    path = f"/api/v2/jobs/{job.id}/stdout/"
    assert api.client.get(path, params={"format": "ansi"}).text == "\nPLAY [web] ****\nok: [web0]\n"
    found = api.get(path, format="json", start_line=-1)
    assert found == {"range": {"start": 2, "end": 3, "absolute_end": 3}, "content": "ok: [web0]\n"}
    response = api.client.get(path, params={"format": "txt_download"})
    assert response.headers["content-disposition"] == f'attachment; filename="job_{job.id}.txt"'


def test_children_of_an_event(api):
    job = recorded(api.store)
    found = api.get(f"/api/v2/job_events/{job.id * 10**8 + 2}/children/")
    assert [event["counter"] for event in found["results"]] == [3, 4, 5]


def test_hosts_of_a_job(api):
    job = recorded(api.store)
    found = api.get(f"/api/v2/jobs/{job.id}/job_host_summaries/")["results"]
    assert [summary["host_name"] for summary in found] == ["web0", "web1", "web2"]
    assert api.get(found[1]["url"])["host_name"] == "web1"


def test_what_the_database_refuses_does_not_show_where_it_is(api):
    response = api.client.get("/api/v2/jobs/", params={"name__regex": "(?<=a"})
    assert "sqlite" not in response.text.lower() and ".db" not in response.text


def test_each_store_has_an_identity_of_its_own_that_stays(api):
    first = api.get("/api/v2/ping/")["install_uuid"]
    assert first != "00000000-0000-0000-0000-000000000000"
    assert api.get("/api/v2/ping/")["install_uuid"] == first


def test_a_name_that_is_no_text_is_shown_and_none_is_taken(api):
    now = api.store.now()
    api.store.catalogue.add("inventory", {"name": "half \ud800 pair"}, now, api.admin.id)
    assert api.get("/api/v2/inventories/")["results"][0]["name"] == "half ? pair"
    for field in ("name", "description"):
        body = json.dumps({"name": "i", "organization": 1, field: "a\ud800"})
        refused = api.client.post("/api/v2/inventories/", content=body, headers={"Content-Type": "application/json"})
        assert (refused.status_code, refused.json()) == (
            400,
            {field: ["Surrogate characters are not allowed: U+D800."]},
        )


def test_another_site_cannot_log_anybody_out(api):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        response = api.anonymous.get("/api/logout/", headers=headers)
        assert response.status_code == 403
        assert "set-cookie" not in response.headers
    assert api.anonymous.get("/api/logout/").headers["location"] == "/api/"
