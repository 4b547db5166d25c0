# SPDX-License-Identifier: Apache-2.0
"""What AWX's clients make beside jobs: inventories, projects, templates, and launches of them."""

from __future__ import annotations

import json

import pytest

PLAYBOOK = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: hello}\n"


def made(api, path, **values):
    """Make an object and return its JSON."""
    response = api.client.post(f"/api/v2/{path}/", json=values)
    assert response.status_code == 201, response.text
    return response.json()


@pytest.fixture
def project(api):
    """Return a manual project with one playbook."""
    folder = api.app.state.house.projects / "web"
    folder.mkdir(parents=True)
    (folder / "site.yml").write_text(PLAYBOOK)
    return made(api, "projects", name="web", organization=1, local_path="web")


@pytest.fixture
def inventory(api):
    """Return an inventory with two hosts, one in a group."""
    found = made(api, "inventories", name="all of it", organization=1, variables='{"colour": "red"}')
    first = made(api, "hosts", name="web1", inventory=found["id"], variables="ansible_connection: local")
    made(api, "hosts", name="web2", inventory=found["id"])
    group = made(api, "groups", name="front", inventory=found["id"])
    attached = api.client.post(f"/api/v2/groups/{group['id']}/hosts/", json={"id": first["id"]})
    assert attached.status_code == 204, attached.text
    return found


@pytest.fixture
def template(api, project, inventory):
    """Return a job template that asks for a limit."""
    return made(
        api,
        "job_templates",
        name="deploy",
        project=project["id"],
        playbook="site.yml",
        inventory=inventory["id"],
        ask_limit_on_launch=True,
        extra_vars="colour: blue",
    )


def test_an_object_is_made_found_by_its_name_changed_and_deleted(api):
    label = made(api, "labels", name="nightly", organization=1)
    assert api.get("/api/v2/labels/", name="nightly")["results"][0]["id"] == label["id"]
    inventory = made(api, "inventories", name="i", organization=1, nonsense="is left out")
    path = f"/api/v2/inventories/{inventory['id']}/"
    assert api.get("/api/v2/inventories/i++Default/")["id"] == inventory["id"]
    changed = api.client.patch(path, json={"description": "other"})
    assert (changed.status_code, changed.json()["description"]) == (200, "other")
    assert api.client.delete(path).status_code in (202, 204)
    assert api.client.get(path).status_code == 404


def test_a_name_that_is_taken_is_refused_in_the_words_that_clients_look_for(api):
    made(api, "inventories", name="i", organization=1)
    again = api.client.post("/api/v2/inventories/", json={"name": "i", "organization": 1})
    assert again.status_code == 400
    assert "already exists" in again.json()["__all__"][0]


@pytest.mark.parametrize(
    ("path", "values", "field"),
    [
        ("inventories", {"organization": 1}, "name"),
        ("inventories", {"name": "", "organization": 1}, "name"),
        ("inventories", {"name": "i", "organization": 77}, "organization"),
        ("inventories", {"name": "i", "organization": 1, "variables": "{"}, "variables"),
        ("hosts", {"name": "h", "inventory": 77}, "inventory"),
        ("projects", {"name": "p", "organization": 1, "local_path": "../etc"}, "local_path"),
        ("job_templates", {"name": "t", "playbook": "site.yml"}, "project"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(api, path, values, field):
    response = api.client.post(f"/api/v2/{path}/", json=values)
    assert response.status_code == 400
    assert field in response.json()


def test_a_playbook_is_one_of_the_project(api, project):
    assert api.get(f"/api/v2/projects/{project['id']}/playbooks/") == ["site.yml"]
    values = {"name": "t", "project": project["id"], "playbook": "../../etc/passwd", "ask_inventory_on_launch": True}
    refused = api.client.post("/api/v2/job_templates/", json=values)
    assert refused.json() == {"playbook": ["Playbook not found for project."]}


def test_a_launch_takes_what_is_asked_and_tells_what_it_left_out(api, template):
    asked = api.get(f"/api/v2/job_templates/{template['id']}/launch/")
    assert asked["ask_limit_on_launch"] and not asked["ask_variables_on_launch"]
    assert asked["can_start_without_user_input"]
    given = {"limit": "web1", "extra_vars": '{"a": 1}'}
    launched = api.client.post("/api/v2/job_templates/deploy/launch/", json=given)
    assert launched.status_code == 201, launched.text
    job = launched.json()
    assert job["job"] == job["id"] and job["limit"] == "web1" and job["status"] == "pending"
    assert job["ignored_fields"] == {"extra_vars": {"a": "$encrypted$"}}
    launch = api.store.queue.launch_of(job["id"])
    assert launch.limit == "web1" and "a" not in launch.untrusted_vars
    assert set(launch.inventory_content["all"]["hosts"]) == {"web1", "web2"}
    assert api.get(f"/api/v2/jobs/{job['id']}/")["summary_fields"]["inventory"]["name"] == "all of it"
    assert "blue" not in json.dumps(api.get(f"/api/v2/jobs/{job['id']}/"))
    assert api.get("/api/v2/jobs/", created_by__username="admin")["count"] == 1


def test_a_launch_that_is_sent_again_with_its_key_is_the_same_job(api, template):
    path, key = f"/api/v2/job_templates/{template['id']}/launch/", {"Idempotency-Key": "one"}
    first = api.client.post(path, json={"limit": "web1"}, headers=key).json()
    assert api.client.post(path, json={"limit": "web1"}, headers=key).json()["id"] == first["id"]
    assert api.client.post(path, json={"limit": "web2"}, headers=key).status_code in (400, 409, 422)
    assert api.client.post(path, json={"limit": "web1"}).json()["id"] != first["id"]


def test_an_event_of_a_rulebook_is_one_job_until_that_goes_wrong(api, template):
    path = f"/api/v2/job_templates/{template['id']}/launch/"
    eda = {"ruleset": "Watch", "rule": "Mend", "event": {"meta": {"uuid": "e-1"}, "i": 1}}
    first = api.client.post(path, json={"extra_vars": {"ansible_eda": eda}, "limit": "web1"}).json()
    assert api.client.post(path, json={"extra_vars": {"ansible_eda": eda}, "limit": "web1"}).json()["id"] == first["id"]
    as_text = {"extra_vars": json.dumps({"ansible_eda": eda}), "limit": "web1"}
    assert api.client.post(path, json=as_text).status_code == 201
    job = api.store.job(str(first["id"]))
    assert (job.launch_type, job.run_by) == ("eda", "rule Mend of ruleset Watch")
    other = {**eda, "event": {"meta": {"uuid": "e-2"}}}
    assert api.client.post(path, json={"extra_vars": {"ansible_eda": other}}).json()["id"] != first["id"]
    # What ended otherwise than well is tried again when the rulebook sends it again.
    api.client.post(f"/api/v2/jobs/{first['id']}/cancel/")
    again = api.client.post(path, json={"extra_vars": {"ansible_eda": eda}, "limit": "web1"}).json()
    assert again["id"] != first["id"]
    for odd in (None, 5, "{", {"event": 1}, {"events": {"m": {"meta": {"uuid": 7}}}}):
        assert api.client.post(path, json={"extra_vars": {"ansible_eda": odd}}).status_code == 201


def test_a_job_is_canceled_once_relaunched_and_deleted(api, template):
    job = api.client.post(f"/api/v2/job_templates/{template['id']}/launch/", json={}).json()
    path = f"/api/v2/jobs/{job['id']}/"
    assert api.client.delete(path).status_code == 403
    assert api.get(f"{path}cancel/") == {"can_cancel": True}
    canceled = api.client.post(f"{path}cancel/")
    assert (canceled.status_code, canceled.content) == (202, b"")
    assert api.get(path)["status"] == "canceled"
    assert api.client.post(f"{path}cancel/").status_code == 405
    again = api.client.post(f"{path}relaunch/", json={"hosts": "all"})
    assert again.status_code == 201, again.text
    assert again.json()["id"] != job["id"]
    assert api.client.delete(path).status_code == 204
    assert api.client.get(path).status_code == 404


def test_a_reader_changes_nothing(api, template):
    reader = api.as_user("ro", scope="read")
    assert reader.get("/api/v2/job_templates/").status_code == 200
    for method, path in (
        ("post", "inventories/"),
        ("post", f"job_templates/{template['id']}/launch/"),
        ("patch", f"job_templates/{template['id']}/"),
        ("delete", f"job_templates/{template['id']}/"),
    ):
        response = getattr(reader, method)(f"/api/v2/{path}")
        assert response.status_code == 403, path


def test_options_tell_of_the_fields(api, template):
    told = api.client.options("/api/v2/job_templates/").json()
    assert told["actions"]["POST"]["name"]["required"] is True
    assert told["actions"]["GET"]["playbook"]["filterable"] is True
    assert told["max_page_size"] == 200
    detail = api.client.options(f"/api/v2/job_templates/{template['id']}/")
    assert "PUT" in detail.json()["actions"] and "DELETE" in detail.headers["Allow"]


def test_options_tell_what_a_launch_may_be_given_and_what_an_action_is(api):
    # AWX's command line asks at the id 1, whether there is such a template or not.
    launch = api.client.options("/api/v2/job_templates/1/launch/").json()
    assert {"limit", "extra_vars", "inventory", "job_tags"} <= set(launch["actions"]["POST"])
    assert api.client.options("/api/v2/jobs/1/cancel/").json()["actions"] == {"POST": {}}


def test_the_schema_names_the_paths(api):
    paths = api.get("/api/schema/")["paths"]
    assert {"/api/v2/job_templates/", "/api/v2/jobs/{key}/"} <= set(paths)
