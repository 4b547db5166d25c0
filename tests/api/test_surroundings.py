# SPDX-License-Identifier: Apache-2.0
"""What stands around jobs: nodes, numbers, what is not there and says so, and several launches at once."""

from __future__ import annotations

import pytest

from forge_events.api.stubs import EMPTY
from forge_events.jobs import JobStatus
from forge_events.nodes import NodeType
from tests.api.conftest import recorded
from tests.api.test_objects import inventory, made, project, template

__all__ = ["inventory", "project", "template"]


def test_every_list_that_the_root_names_is_there(api):
    for name, path in api.get("/api/v2/").items():
        assert api.client.get(path).status_code == 200, name


@pytest.mark.parametrize("name", EMPTY)
def test_what_is_not_there_is_empty_and_says_so(api, name):
    assert api.get(f"/api/v2/{name}/")["count"] == 0
    assert api.client.get(f"/api/v2/{name}/1/").status_code == 404
    assert api.client.post(f"/api/v2/{name}/", json={"name": "x"}).json() == {"__all__": [EMPTY[name]]}
    assert "POST" not in api.client.options(f"/api/v2/{name}/").json()["actions"]


def test_nodes_are_instances_in_two_groups(api_everywhere):
    api = api_everywhere
    now = api.store.now()
    api.store.nodes.register("one", at=now, node_type=NodeType.HYBRID)
    api.store.nodes.register("two", at=now, node_type=NodeType.EXECUTION)
    assert [node["hostname"] for node in api.get("/api/v2/instances/", order_by="hostname")["results"]] == [
        "one",
        "two",
    ]
    changed = api.client.patch("/api/v2/instances/one/", json={"enabled": False, "capacity_adjustment": "0.50"})
    assert (changed.json()["enabled"], changed.json()["capacity_adjustment"]) == (False, "0.50")
    assert api.as_user("ro").patch("/api/v2/instances/one/", json={"enabled": True}).status_code == 403
    groups = api.get("/api/v2/instance_groups/", name="default")["results"]
    assert [(group["name"], group["instances"]) for group in groups] == [("default", 2)]
    members = api.get("/api/v2/instance_groups/1/instances/")["results"]
    assert [node["hostname"] for node in members] == ["one"]
    assert api.get("/api/v2/instances/two/instance_groups/")["count"] == 1
    assert api.get("/api/v2/instances/two/jobs/")["count"] == 0
    assert api.client.get("/api/v2/instance_groups/", params={"nope": "1"}).status_code == 400


def test_the_numbers_are_those_of_what_is_stored(api_everywhere):
    api = api_everywhere
    recorded(api.store), recorded(api.store, status=JobStatus.FAILED)
    api.store.nodes.register("one", at=api.store.now(), node_type=NodeType.HYBRID)
    text = api.client.get("/api/v2/metrics/").text
    for line in (
        'awx_status_total{status="failed"} 1.0',
        "awx_running_jobs_total 0.0",
        "forge_events_events_stored_total 10.0",
        "forge_events_oldest_pending_seconds 0.0",
        "forge_events_receiver_lag_bytes 0.0",
        'awx_instance_capacity{hostname="one",node_type="hybrid"}',
    ):
        assert line in text
    as_json = api.client.get("/api/v2/metrics/", headers={"Accept": "application/json"}).json()
    assert as_json["awx_pending_jobs_total"]["samples"] == [{"labels": {}, "value": 0}]
    jobs = api.get("/api/v2/dashboard/")["jobs"]
    assert (jobs["total"], jobs["failed"]) == (2, 1)
    assert api.client.get("/api/v2/dashboard/graphs/jobs/", params={"period": "x"}).json() == {
        "error": 'Unknown period "x"'
    }
    assert len(api.get("/api/v2/dashboard/graphs/jobs/", period="week")["jobs"]["failed"]) == 8
    assert api.anonymous.get("/api/v2/metrics/").status_code == 401


def test_several_launches_at_once_are_all_or_none(api, template):
    body = {"jobs": [{"unified_job_template": template["id"], "limit": f"web{n}"} for n in (1, 2)]}
    path, key = "/api/v2/bulk/job_launch/", {"Idempotency-Key": "k"}
    launched = api.client.post(path, json=body, headers=key)
    assert launched.status_code == 201, launched.text
    ids = [job["id"] for job in launched.json()["jobs"]]
    assert [job["limit"] for job in launched.json()["jobs"]] == ["web1", "web2"]
    assert [job["id"] for job in api.client.post(path, json=body, headers=key).json()["jobs"]] == ids
    body["jobs"].append({"unified_job_template": 77})
    assert api.client.post(path, json=body).status_code == 400
    assert api.client.post(path, json={"jobs": [body["jobs"][0]] * 101}).status_code == 400
    assert api.client.post(path, json={"jobs": "x"}).status_code == 400
    assert api.get("/api/v2/unified_jobs/")["count"] == 2
    assert api.get("/api/v2/unified_job_templates/", name="deploy")["results"][0]["type"] == "job_template"
    assert api.as_user("ro").post(path, json=body).status_code == 403
    assert made(api, "labels", name="l", organization=1)["name"] == "l"
