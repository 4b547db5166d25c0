# SPDX-License-Identifier: Apache-2.0
"""Objects as they are sent; what is beside a row is looked up for a whole page at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from forge_events.api.shown_accounts import show_instances, show_tokens, show_users
from forge_events.api.shown_jobs import show_events, show_jobs, show_summaries
from forge_events.api.shown_objects import show_objects
from forge_events.api.shown_schedules import show_schedules
from forge_events.api.shown_templates import show_templates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forge_events.api.calls import Call
    from forge_events.api.resources import Resource

__all__ = ["shown"]

_SHOW: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "job": show_jobs,
    "job_event": show_events,
    "job_host_summary": show_summaries,
    "user": show_users,
    "token": show_tokens,
    "instance": show_instances,
    "job_template": show_templates,
    "schedule": show_schedules,
    **{
        kind: partial(show_objects, kind=kind)
        for kind in ("organization", "inventory", "host", "group", "project", "label", "execution_environment")
    },
}


def shown(
    call: Call, resource: Resource, rows: Sequence[dict[str, Any]], *, is_detail: bool = False
) -> list[dict[str, Any]]:
    """Return objects as they are sent."""
    return _SHOW[resource.type](call, rows, is_detail=is_detail) if rows else []
