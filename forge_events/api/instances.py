# SPDX-License-Identifier: Apache-2.0
"""Nodes, which AWX calls instances, and the two groups that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.fields import validated
from forge_events.api.fixed import found_in, page_in
from forge_events.api.lists import NOWHERE, listed, one, row_of
from forge_events.api.table import RESOURCES
from forge_events.queries import Condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes
    from forge_events.nodes import Node

__all__ = ["add_instances", "groups_of"]

_INSTANCE, _GROUP, _JOB = RESOURCES["instance"], RESOURCES["instance_group"], RESOURCES["job"]
_PATH, _GROUPS = "/api/v2/instances/", "/api/v2/instance_groups/"
_SUMS = ("capacity", "consumed", "job_count")


def add_instances(routes: Routes) -> None:
    """Add the paths of nodes and their groups."""
    routes.resource(_PATH, _INSTANCE, GET=lambda call: listed(call, _INSTANCE))
    path = f"{_PATH}{{key}}/"
    routes.resource(path, _INSTANCE, GET=lambda call: one(call, _INSTANCE, call.key()), PATCH=_change, PUT=_change)
    routes.resource(f"{path}jobs/", _JOB, GET=_jobs)
    routes.resource(f"{path}instance_groups/", _GROUP, GET=_groups_of_one)
    routes.add(f"{path}peers/", GET=lambda call: row_of(call, _INSTANCE, call.key()) and NOWHERE)
    routes.resource(_GROUPS, _GROUP, GET=lambda call: page_in(call, _GROUP, _groups(call)))
    routes.resource(f"{_GROUPS}{{key}}/", _GROUP, GET=lambda call: found_in(call, _GROUP, _groups(call)))
    routes.resource(f"{_GROUPS}{{key}}/instances/", _INSTANCE, GET=_members)
    routes.resource(f"{_GROUPS}{{key}}/jobs/", _JOB, GET=_jobs_of_group)


def groups_of(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """Return the groups that AWX has by itself: the nodes that decide, and those that run jobs."""
    return {
        "controlplane": [node for node in nodes if node.node_type.dispatches],
        "default": [node for node in nodes if node.node_type.runs_jobs],
    }


def _change(call: Call) -> dict[str, Any]:
    call.admin()
    row = row_of(call, _INSTANCE, call.key())
    call.store.nodes.change(row["hostname"], **validated(call, _INSTANCE.written, call.body, is_partial=True))
    return one(call, _INSTANCE, str(row["id"]))


def _jobs(call: Call) -> dict[str, Any]:
    row = row_of(call, _INSTANCE, call.key())
    return listed(call, _JOB, within=[Condition("execution_node", "exact", row["hostname"])])


def _groups_of_one(call: Call) -> dict[str, Any]:
    row = row_of(call, _INSTANCE, call.key())
    names = [name for name, nodes in groups_of(call.store.nodes.all()).items() if row["id"] in {n.id for n in nodes}]
    return page_in(call, _GROUP, [group for group in _groups(call) if group["name"] in names])


def _members(call: Call) -> dict[str, Any]:
    group = found_in(call, _GROUP, _groups(call))
    ids = tuple(node.id for node in groups_of(call.store.nodes.all())[group["name"]])
    return listed(call, _INSTANCE, within=[Condition("id", "in", ids)])


def _jobs_of_group(call: Call) -> dict[str, Any]:
    group = found_in(call, _GROUP, _groups(call))
    names = tuple(node.hostname for node in groups_of(call.store.nodes.all())[group["name"]])
    return listed(call, _JOB, within=[Condition("execution_node", "in", names)])


def _groups(call: Call) -> list[dict[str, Any]]:
    found = groups_of(call.store.nodes.all())
    return [_group(number, name, nodes) for number, (name, nodes) in enumerate(found.items(), start=1)]


def _group(number: int, name: str, nodes: Sequence[Node]) -> dict[str, Any]:
    url = f"{_GROUPS}{number}/"
    runs_jobs = name == "default"
    capacity, consumed, jobs = (sum(getattr(n, each) for n in nodes) if runs_jobs else 0 for each in _SUMS)
    return {
        "id": number,
        "type": "instance_group",
        "url": url,
        "related": {"named_url": f"{_GROUPS}{name}/", "jobs": f"{url}jobs/", "instances": f"{url}instances/"},
        "summary_fields": {"object_roles": {}, "user_capabilities": {"edit": False, "delete": False}},
        "name": name,
        "created": None,
        "modified": None,
        "capacity": capacity,
        "consumed_capacity": consumed,
        "percent_capacity_remaining": round(100.0 * max(0, capacity - consumed) / capacity, 2) if capacity else 0.0,
        "jobs_running": jobs,
        "max_concurrent_jobs": 0,
        "max_forks": 0,
        "jobs_total": jobs,
        "instances": len(nodes),
        "is_container_group": False,
        "credential": None,
        "policy_instance_percentage": 100 if runs_jobs else 0,
        "policy_instance_minimum": 0,
        "policy_instance_list": [],
        "pod_spec_override": "",
    }
