# SPDX-License-Identifier: Apache-2.0
"""What strangers send: nothing of it is answered with a fault of ours, and no file outside a project is named."""

from __future__ import annotations

import json

import pytest

from tests.api.test_objects import PLAYBOOK, inventory, made, project, template

__all__ = ["inventory", "project", "template"]

JSON = {"Content-Type": "application/json"}
BODIES = {
    "deep lists": b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep variables": b'{"name": "n", "organization": 1, "variables": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    "a long number": b'{"name": "n", "organization": ' + b"9" * 5000 + b"}",
    "a float for an id": b'{"name": "n", "organization": 1e400}',
    "a list": b"[]",
    "no JSON": b"{",
    "no UTF-8": b'{"name": "\xff"}',
    "half a pair": b'{"name": "\\ud800", "organization": 1, "variables": {"\\udfff": "\\ud800"}}',
    "NaN": b'{"name": NaN}',
    "keys twice": b'{"name": "n", "name": {"a": []}}',
}
PATHS = ("inventories", "projects", "labels", "job_templates", "users", "tokens", "schedules", "bulk/job_launch")


def test_no_body_is_a_fault_of_ours(api, template):
    paths = [*PATHS, f"job_templates/{template['id']}/launch", f"inventories/{template['inventory']}/variable_data"]
    for path in paths:
        for name, body in BODIES.items():
            for method in ("POST", "PUT"):
                response = api.client.request(method, f"/api/v2/{path}/", content=body, headers=JSON)
                assert response.status_code < 500, (path, name, response.text)
    large = api.client.post("/api/v2/labels/", content=b" " * (3 * 1024 * 1024), headers=JSON)
    assert large.status_code == 413
    assert api.client.post("/api/v2/labels/", data={"name": "x"}).status_code == 415


@pytest.mark.parametrize("key", ["0", "-1", "9" * 30, "%00", "a%0d%0aX: y", "..%2f..%2fetc", "%f0%28", "++", "None"])
def test_no_key_in_a_path_is_a_fault_of_ours(api, key):
    for place in ("jobs", "inventories", "users", "tokens", "instances", "instance_groups", "job_events", "schedules"):
        response = api.client.get(f"/api/v2/{place}/{key}/")
        assert response.status_code in (400, 404), (place, response.text)
        assert "x" not in response.headers


def test_names_bring_no_headers_along(api):
    name = "n\r\nSet-Cookie: evil=1"
    found = made(api, "inventories", name=name, organization=1)
    response = api.client.get(found["url"])
    assert "evil" not in str(response.headers)
    assert "\r" not in found["related"]["named_url"]


def test_links_lead_nowhere_out_of_a_project(api, project, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.yml").write_text(PLAYBOOK)
    folder = api.app.state.house.projects
    (folder / "web" / "link.yml").symlink_to(outside / "secret.yml")
    (folder / "web" / "below").symlink_to(outside)
    (folder / "web" / "same.yml").symlink_to(folder / "web" / "site.yml")
    (folder / "elsewhere").symlink_to(outside)
    found = api.get(f"/api/v2/projects/{project['id']}/playbooks/")
    assert found == ["same.yml", "site.yml"]
    for path in ("elsewhere", "..", "web/../web", "/etc", ".", "web\0"):
        values = {"name": "p", "organization": 1, "local_path": path}
        response = api.client.post("/api/v2/projects/", json=values)
        assert (response.status_code, list(response.json())) == (400, ["local_path"]), path


def test_who_reads_writes_nowhere(api, template):
    """Check 29, at every path that has something to write at."""
    read = api.as_user("boss", scope="read", is_superuser=True)
    plain = api.as_user("plain")
    paths = [path.replace("{key}", "1") for path in api.app.openapi()["paths"]]
    for path in paths:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            response = read.request(method, path, content=b"{}", headers=JSON)
            assert response.status_code in (401, 403, 404, 405), (method, path, response.text)
    before = json.dumps(api.get("/api/v2/job_templates/"))
    for path in paths:
        if "users" not in path and "tokens" not in path:
            response = plain.request("POST", path, content=b"{}", headers=JSON)
            assert response.status_code in (400, 403, 404, 405), (path, response.text)
    assert json.dumps(api.get("/api/v2/job_templates/")) == before


def test_a_foreign_page_and_a_foreign_name_are_refused(api):
    """Check 28."""
    store, user = api.store, api.admin
    session, csrf = api.app.state.house.authenticator.open_session(store, user)
    cookies = f"awx_sessionid={session}; csrftoken={csrf}"
    for headers, status in (
        ({"X-CSRFToken": csrf}, 201),
        ({}, 403),
        ({"X-CSRFToken": "other"}, 403),
        ({"X-CSRFToken": csrf, "Origin": "http://evil.example"}, 403),
        ({"X-CSRFToken": csrf, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-CSRFToken": csrf, "Host": "evil.example"}, 400),
    ):
        given = {"Cookie": cookies, **headers}
        response = api.anonymous.post("/api/v2/labels/", json={"name": "l", "organization": 1}, headers=given)
        assert response.status_code == status, (headers, response.text)
