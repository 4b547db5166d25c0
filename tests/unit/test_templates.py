# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from forge_events.templates import Notification, Notifications, shown_address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("json://host", "json://host/…"),
        ("JSONS://host:8443/path?apikey=secret", "JSONS://host:8443/…"),
        ("json://user:secret@host:80/path", "json://host:80/…"),
        ("json://[::1]:80/secret", "json://[::1]:80/…"),
        ("gotify://host/secret", "gotify://host/…"),
        # What follows is a token.
        ("slack://secret/secret/secret", "slack://…"),
        ("tgram://secret/chat", "tgram://…"),
        # A password that ends the host too early.
        ("json://user:se/cret@host", "json://…"),
        ("json://user:se?cret@host", "json://…"),
        ("json://user:se#cret@host", "json://…"),
        ("json://secret:99999999/", "json://…"),
        ("json://[secret/", "json://…"),
        ("secret", "…"),
        ("", "…"),
        ("se cret://host", "…"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url, shown):
    assert shown_address(url) == shown


@given(st.text())
def test_every_address_can_be_shown(url):
    assert shown_address(url).endswith("…")
    assert shown_address(f"json://{url}").endswith("…")


@pytest.mark.parametrize("url", ["", "json://secret\0", "json://secret\udc80", f"json://secret{'x' * 2000}"])
def test_an_address_that_cannot_be_stored_is_refused_without_being_shown(url):
    for build in (lambda: Notification(url=url), lambda: Notifications.model_validate({"started": [{"url": url}]})):
        with pytest.raises(ValidationError) as caught:
            build()
        assert "secret" not in str(caught.value)
