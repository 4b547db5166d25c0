# SPDX-License-Identifier: Apache-2.0
"""Users, their tokens, and nodes as they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.related import summaries_of
from forge_events.api.wire import time_of
from forge_events.nodes import FORKS_PER_CORE, MB_PER_FORK, NodeState

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from forge_events.api.calls import Call
    from forge_events.nodes import Node

__all__ = ["show_instances", "show_tokens", "show_users"]


def show_users(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return users; a password is never among what is sent."""
    del is_detail
    return [_user(row, is_own=row["id"] == call.principal.user.id, is_admin=call.principal.is_admin) for row in rows]


def _user(row: dict[str, Any], *, is_own: bool, is_admin: bool) -> dict[str, Any]:
    url = f"/api/v2/users/{row['id']}/"
    capabilities = {"edit": is_admin or is_own, "delete": is_admin and not is_own}
    return {
        "id": row["id"],
        "type": "user",
        "url": url,
        "related": {
            "named_url": f"/api/v2/users/{row['username']}/",
            "personal_tokens": f"{url}personal_tokens/",
            "tokens": f"{url}tokens/",
            "organizations": f"{url}organizations/",
        },
        "summary_fields": {"user_capabilities": capabilities},
        "created": time_of(row["created"]),
        "modified": time_of(row["modified"]),
        **{name: row[name] for name in ("username", "first_name", "last_name", "email", "is_superuser")},
        "is_system_auditor": row["is_system_auditor"],
        "password": "$encrypted$",
        "ldap_dn": "",
        "last_login": time_of(row["last_login"]),
        "external_account": None,
        "auth": [],
    }


def show_tokens(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return tokens without what stands for anybody."""
    del is_detail
    users = summaries_of(call, rows, ("user",))
    return [_token(row, summary) for row, summary in zip(rows, users, strict=True)]


def _token(row: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    url = f"/api/v2/tokens/{row['id']}/"
    return {
        "id": row["id"],
        "type": "o_auth2_access_token",
        "url": url,
        "related": {"user": f"/api/v2/users/{row['user']}/", "activity_stream": f"{url}activity_stream/"},
        "summary_fields": {**summary, "user_capabilities": {"edit": True, "delete": True}},
        "created": time_of(row["created"]),
        "modified": time_of(row["modified"]),
        "description": row["description"],
        "user": row["user"],
        "token": "************",
        "refresh_token": None,
        "application": None,
        "expires": time_of(row["expires"]),
        "scope": row["scope"],
    }


def show_instances(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return nodes, which AWX calls instances."""
    del is_detail
    now, nodes = call.store.now(), {node.id: node for node in call.store.nodes.all()}
    return [_instance(call, nodes[row["id"]], now) for row in rows if row["id"] in nodes]


_ALWAYS_OF_INSTANCE: dict[str, Any] = {
    "health_check_started": None,
    "health_check_pending": False,
    "managed_by_policy": True,
    "managed": False,
    "ip_address": "",
    "peers": [],
    "reverse_peers": [],
    "listener_port": None,
    "peers_from_control_nodes": False,
    "protocol": "",
}


def _instance(call: Call, node: Node, now: datetime.datetime) -> dict[str, Any]:
    url = f"/api/v2/instances/{node.id}/"
    state = node.state(now, call.house.lost_after)
    return {
        "id": node.id,
        "type": "instance",
        "url": url,
        "related": {
            "named_url": f"/api/v2/instances/{node.hostname}/",
            "jobs": f"{url}jobs/",
            "peers": f"{url}peers/",
            "instance_groups": f"{url}instance_groups/",
        },
        "summary_fields": {"user_capabilities": {"edit": call.principal.is_admin}, "links": []},
        "created": time_of(node.created),
        "modified": time_of(node.created),
        "hostname": node.hostname,
        "uuid": node.machine or "",
        "last_seen": time_of(node.last_seen),
        "last_health_check": time_of(node.last_seen),
        "errors": node.explanation(now, call.house.lost_after),
        **_capacity(node),
        "version": node.version or "",
        "enabled": node.enabled,
        "node_type": node.node_type,
        # AWX says by `enabled` alone that an owner disabled one.
        "node_state": "ready" if state is NodeState.DISABLED else state,
        **_ALWAYS_OF_INSTANCE,
    }


def _capacity(node: Node) -> dict[str, Any]:
    left = 100.0 * max(0, node.remaining) / node.capacity if node.capacity else 0.0
    return {
        "capacity_adjustment": f"{node.capacity_adjustment:.2f}",
        "capacity": node.capacity,
        "consumed_capacity": node.consumed,
        "percent_capacity_remaining": round(left, 2),
        "jobs_running": node.job_count,
        "jobs_total": node.job_count,
        "cpu": f"{node.cpu or 0:.1f}",
        "memory": node.memory or 0,
        "cpu_capacity": int((node.cpu or 0) * FORKS_PER_CORE),
        "mem_capacity": (node.memory or 0) // (1024 * 1024) // MB_PER_FORK,
    }
