# SPDX-License-Identifier: Apache-2.0
"""Users and tokens by the API: who may see and change whom, and that no secret is shown twice."""

from __future__ import annotations

import json

from forge_events.api.secrets import Passwords
from tests.api.conftest import client_of

SCOPES = "Must be a simple space-separated string with allowed scopes ['read', 'write']."


def test_a_user_is_made_changed_and_deleted_by_who_administrates(api):
    new = {"username": "ann", "password": "s3cret", "first_name": "Ann"}
    made = api.client.post("/api/v2/users/", json=new)
    assert made.status_code == 201, made.text
    assert made.json()["password"] == "$encrypted$" and not made.json()["is_superuser"]
    path = made.json()["url"]
    assert made.headers["location"] == path
    stored = api.store.accounts.find("ann").password
    assert Passwords().is_right(stored, "s3cret", 0.0)
    again = api.client.post("/api/v2/users/", json=new)
    assert again.json() == {"username": ["A user with that username already exists."]}
    assert api.client.patch(path, json={"password": "$encrypted$", "email": "a@b"}).json()["email"] == "a@b"
    assert api.store.accounts.find("ann").password == stored
    assert api.get("/api/v2/users/ann/")["first_name"] == "Ann"
    assert api.client.delete(path).status_code == 204
    assert api.client.get(path).status_code == 404


def test_what_a_user_cannot_be_is_refused(api):
    for values, field in (
        ({"username": "a b", "password": "x"}, "username"),
        ({"username": "a\r\nSet-Cookie: x", "password": "x"}, "username"),
        ({"username": "ann"}, "password"),
        ({"password": "x"}, "username"),
        ({"username": "ann", "password": "x" * 2000}, "password"),
    ):
        response = api.client.post("/api/v2/users/", json=values)
        assert response.status_code == 400 and field in response.json(), response.text
    own = f"/api/v2/users/{api.admin.id}/"
    assert api.client.delete(own).status_code == 403
    assert "is_superuser" in api.client.patch(own, json={"is_superuser": False}).json()


def test_a_reader_sees_and_changes_themselves_alone(api):
    reader = api.as_user("ro")
    own = f"/api/v2/users/{api.store.accounts.find('ro').id}/"
    assert [user["username"] for user in reader.get("/api/v2/users/").json()["results"]] == ["ro"]
    assert reader.get(f"/api/v2/users/{api.admin.id}/").status_code == 404
    assert reader.patch(own, json={"first_name": "R"}).json()["first_name"] == "R"
    for values in ({"is_superuser": True}, {"username": "other"}, {"is_system_auditor": True}):
        assert reader.patch(own, json=values).status_code == 403
    for method, path in (("post", "/api/v2/users/"), ("delete", own)):
        assert getattr(reader, method)(path).status_code == 403


def test_a_token_is_shown_once_and_is_nobody_else_s(api):
    made = api.client.post("/api/v2/users/admin/personal_tokens/", json={"description": "d", "scope": "read"})
    assert made.status_code == 201, made.text
    found = made.json()
    assert found["token"].startswith("fe_") and found["scope"] == "read"
    read = client_of(api.app, Authorization=f"Bearer {found['token']}")
    assert read.get("/api/v2/me/").json()["results"][0]["username"] == "admin"
    assert read.post("/api/v2/tokens/", json={}).status_code == 403
    listing = api.get("/api/v2/tokens/")
    assert found["token"] not in json.dumps(listing)
    assert {token["token"] for token in listing["results"]} == {"************"}
    other = api.as_user("ann", is_superuser=True)
    for path in (found["url"], f"/api/v2/users/{api.admin.id}/personal_tokens/"):
        assert other.get(path).status_code in (403, 404)
    assert other.post("/api/v2/users/admin/personal_tokens/", json={}).status_code == 403
    assert other.delete(found["url"]).status_code == 404
    assert api.client.post("/api/v2/tokens/", json={"scope": "all"}).json() == {"scope": [SCOPES]}
    assert api.client.patch(found["url"], json={"scope": "write"}).json()["scope"] == "write"
    assert api.client.delete(found["url"]).status_code == 204
    assert read.get("/api/v2/me/").status_code == 401  # check 29


def test_the_token_of_a_deleted_user_is_nobody_s(api):
    ann = api.as_user("ann")
    assert ann.get("/api/v2/me/").status_code == 200
    api.store.accounts.delete(api.store.accounts.find("ann").id)
    assert ann.get("/api/v2/me/").status_code == 401
