# SPDX-License-Identifier: Apache-2.0
"""Job templates: named launches, and which of their fields whoever launches them may change."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations of the models
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from forge_events.errors import FieldNotAsked
from forge_events.launches import ASKABLE, Launch, refused

__all__ = ["JobEventKind", "JobTemplate", "Notification", "Notifications", "shown_address"]

JobEventKind = Literal["started", "success", "failure"]
"""What of a job somebody may be told: it runs, it was successful, or it ended in any other way."""

_MAX_ADDRESS = 2000
"""Bytes of the longest address: the store keeps it in an index, whose entries are small."""

_WITH_HOST = frozenset(
    f"{scheme}{tls}" for scheme in ("json", "xml", "form", "mailto", "gotify", "mmost", "mqtt") for tls in ("", "s")
)
"""The schemes that a host follows; with many others it is a token that does."""


def shown_address(url: str) -> str:
    """Return an address of Apprise without what may be secret: its scheme and, where it surely is one, its host."""
    scheme, is_found, _ = url.partition("://")
    if not is_found or not scheme.isalnum():
        return "…"
    host = _host(url) if scheme.lower() in _WITH_HOST else ""
    return f"{scheme}://{host}/…" if host else f"{scheme}://…"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return ""
    # A password with a slash in it looks like a host.
    has_more = "@" in f"{parts.path}{parts.query}{parts.fragment}"
    return parts.netloc.rpartition("@")[2] if is_sound and not has_more else ""


def _storable(url: str) -> str:
    if not url.isprintable() or len(url.encode()) > _MAX_ADDRESS:
        raise ValueError(f"an address is printable and has at most {_MAX_ADDRESS} bytes")
    return url


class Notification(BaseModel):
    """Where to tell of a job, and in which words.

    :param url: an address of Apprise; it may hold a secret, and is never shown whole.
    :param message: a Jinja template of the message; None takes the usual one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, Field(min_length=1), AfterValidator(_storable)]
    message: str | None = None


class Notifications(BaseModel):
    """Whom to tell of which of a job's events."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    started: list[Notification] = []
    success: list[Notification] = []
    failure: list[Notification] = []


class JobTemplate(BaseModel):
    """A named launch.

    :param id: small, growing, never reused; 0 before it is stored.
    :param ask: the fields of the launch that may be given when it is launched.
    :param allow_simultaneous: whether several jobs of it may run at the same time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: int = 0
    name: Annotated[str, Field(min_length=1, max_length=512)]
    description: str = ""
    launch: Launch
    ask: list[str] = []
    allow_simultaneous: bool = False
    notifications: Notifications = Notifications()
    created: datetime.datetime
    modified: datetime.datetime

    @model_validator(mode="after")
    def _check(self) -> Self:
        unknown = sorted(set(self.ask) - set(ASKABLE))
        if unknown:
            raise ValueError(f"a launch has no field {unknown[0]!r} to ask for")
        return self

    @classmethod
    def of(cls, **fields: Any) -> JobTemplate:
        """Return a template.

        :raises InvalidLaunch: a field is unknown or has a value that cannot be.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise refused(error) from None  # pydantic's own words quote the value

    def launched(self, **fields: Any) -> Launch:
        """Return what to run when the template is launched with some fields given.

        Extra variables are values then, and never templates: whoever launches it may not have Ansible do other things.

        :raises FieldNotAsked: the template does not leave a field to whoever launches it.
        :raises InvalidLaunch: a field has a value that cannot be.
        """
        for name in fields:
            if name not in self.ask:
                raise FieldNotAsked(self.name, name)
        if "extra_vars" in fields:
            fields["untrusted_vars"] = fields.pop("extra_vars")
        return self.launch.changed(**fields)
