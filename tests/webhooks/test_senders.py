# SPDX-License-Identifier: Apache-2.0
"""Whoever sends to a webhook has to prove that they know its key."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_events.webhooks.senders import SERVICES, delivery_of, is_proven
from tests.webhooks.sending import KEY, code, from_github

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
BODY = b'{"a": 1}'
SECRET = base64.b64encode(b"signing").decode()


def signed(
    at: datetime.datetime = NOW, guid: str = "g", body: bytes = BODY, secret: bytes = b"signing"
) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    made = base64.b64encode(hmac.new(secret, f"{guid}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
    return {"webhook-id": guid, "webhook-timestamp": stamp, "webhook-signature": f"v1,AAAA v1,{made}"}


@pytest.mark.parametrize(
    ("service", "headers", "key"),
    [
        ("github", from_github("push", BODY), KEY),
        ("gitea", {"x-gitea-signature": code(BODY)}, KEY),
        ("gitea", {"x-forgejo-signature": code(BODY)}, KEY),
        ("bitbucket_dc", {"x-hub-signature": f"sha256={code(BODY)}"}, KEY),
        ("generic", {"x-signature": code(BODY)}, KEY),
        ("gitlab", {"x-gitlab-token": KEY}, KEY),
        ("gitlab", signed(), f"whsec_{SECRET}"),
    ],
)
def test_who_knows_the_key_is_believed(service, headers, key):
    assert is_proven(service, headers, BODY, [key], NOW)
    assert is_proven(service, headers, BODY, ["another", key], NOW)
    assert not is_proven(service, headers, BODY, ["another"], NOW)
    assert not is_proven(service, headers, BODY, [""], NOW)
    assert not is_proven(service, {}, BODY, [key], NOW)
    if "x-gitlab-token" not in headers:
        assert not is_proven(service, headers, BODY + b" ", [key], NOW)


@pytest.mark.parametrize(
    "given_signature",
    [
        "",
        "sha256=",
        "sha256==" + code(BODY),
        "sha1=" + hmac.new(KEY.encode(), BODY, hashlib.sha1).hexdigest(),
        "sha256=" + code(BODY).upper(),
        "sha256=" + code(BODY)[:-1],
        "sha256=" + code(BODY) + "\n",
        "sha256=" + code(BODY, ""),
        "md5=" + hashlib.md5(BODY, usedforsecurity=False).hexdigest(),
        "sha256=" + "ü" * 64,
        "sha256=" + "\udcff" * 64,
        "a" * 1_000_000,
    ],
)
def test_nothing_but_the_right_code_is_a_proof(given_signature):
    right_sha1 = "sha1=" + hmac.new(KEY.encode(), BODY, hashlib.sha1).hexdigest()
    headers = {"x-hub-signature-256": given_signature, "x-hub-signature": right_sha1}
    assert not is_proven("github", headers, BODY, [KEY], NOW)


@pytest.mark.parametrize("late", [-301, 301])
def test_a_signature_of_gitlab_is_good_for_five_minutes(late):
    key = f"whsec_{SECRET}"
    assert is_proven("gitlab", signed(NOW + datetime.timedelta(seconds=late / 2)), BODY, [key], NOW)
    assert not is_proven("gitlab", signed(NOW + datetime.timedelta(seconds=late)), BODY, [key], NOW)
    # With a signing key the word in clear is none.
    assert not is_proven("gitlab", {"x-gitlab-token": key}, BODY, [key], NOW)
    for stamp in ("", "x", "-5", "9" * 400, "١٢"):
        assert not is_proven("gitlab", {**signed(), "webhook-timestamp": stamp}, BODY, [key], NOW)


@given(st.sampled_from(SERVICES), st.dictionaries(st.text(max_size=20), st.text(max_size=99)), st.binary(max_size=99))
def test_no_headers_are_a_fault(service, headers, body):
    assert not is_proven(service, headers, body, [KEY], NOW)
    assert 0 < len(delivery_of(service, headers, body).guid) <= 200


def test_a_delivery_has_the_senders_name_or_that_of_its_body():
    assert delivery_of("github", from_github("push", BODY, "g"), BODY)[:2] == ("push", "g")
    assert delivery_of("gitlab", {"x-gitlab-event-uuid": "u"}, BODY).guid == "u"
    assert delivery_of("generic", {}, BODY).guid == delivery_of("generic", {}, BODY).guid
    assert delivery_of("generic", {}, BODY).guid != delivery_of("generic", {}, BODY + b" ").guid
    assert delivery_of("github", from_github("ping", BODY), BODY).is_ping
