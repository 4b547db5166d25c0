# SPDX-License-Identifier: Apache-2.0
"""The roots of the API, and what it says of itself and of whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.instances import groups_of
from forge_events.api.lists import listed
from forge_events.api.login import with_csrf
from forge_events.api.table import RESOURCES
from forge_events.api.wire import Json, time_of
from forge_events.nodes import NodeType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes
    from forge_events.nodes import Node

__all__ = ["LEVEL", "add_root", "version"]

LEVEL = "24.6.1"
"""The version of AWX whose API this is."""

_ROOT = {
    "description": "AWX REST API",
    "current_version": "/api/v2/",
    "available_versions": {"v2": "/api/v2/"},
    "oauth2": "/api/o/",
    "custom_logo": "",
    "custom_login_info": "",
    "login_redirect_override": "",
}


def add_root(routes: Routes, places: Mapping[str, str]) -> None:
    """Add the paths that are no resource.

    :param places: the lists below ``/api/v2/``, by the name that clients know them by.
    """
    routes.add("/api/", GET=lambda call: with_csrf(call, Json(_ROOT)), is_open=True)
    routes.add("/api/v2/", GET=lambda _: dict(places), is_open=True)
    routes.add("/api/v2/ping/", GET=_ping, is_open=True)
    routes.add("/api/v2/me/", GET=_me)
    routes.add("/api/v2/config/", GET=_config)
    routes.add("/api/o/", GET=lambda _: _OAUTH, is_open=True)


_OAUTH = {"authorize": "/api/o/authorize/", "token": "/api/o/token/", "revoke_token": "/api/o/revoke_token/"}


def version() -> str:
    """Return the version of the library."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("forge-events")
    except PackageNotFoundError:
        return "unknown"


def _ping(call: Call) -> dict[str, Any]:
    nodes = [node for node in call.store.nodes.all() if node.node_type is not NodeType.HOP]
    groups = [
        {
            "name": name,
            "capacity": sum(node.capacity for node in members) if name == "default" else 0,
            "instances": [node.hostname for node in members],
        }
        for name, members in groups_of(nodes).items()
    ]
    return {
        "ha": len(nodes) > 1,
        "version": LEVEL,
        "active_node": call.house.node,
        "install_uuid": call.store.catalogue.identity(),
        "instances": [_instance(node) for node in nodes],
        "instance_groups": groups,
    }


def _instance(node: Node) -> dict[str, Any]:
    return {
        "node": node.hostname,
        "node_type": node.node_type,
        "uuid": node.machine or "",
        "heartbeat": time_of(node.last_seen),
        "capacity": node.capacity,
        "version": node.version or "",
    }


def _me(call: Call) -> dict[str, Any]:
    return listed(call, RESOURCES["user"], scope=[("id", call.principal.user.id)])


def _config(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {
        "time_zone": "UTC",
        "license_info": {},
        "version": LEVEL,
        "eula": "",
        "analytics_status": "off",
        "analytics_collectors": {},
        "become_methods": [[name, name.capitalize()] for name in ("sudo", "su", "doas", "runas")],
    }
    if call.principal.is_admin:
        folder = call.house.projects
        paths = sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
        found |= {"project_base_dir": str(folder), "project_local_paths": paths, "custom_virtualenvs": []}
    return found
