# SPDX-License-Identifier: Apache-2.0
"""What is in an inventory: its hosts and groups, their variables, and all of it as Ansible reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.lists import listed, row_of
from forge_events.api.refusals import Refusal, bad_fields
from forge_events.api.routes import Answer
from forge_events.api.table import RESOURCES
from forge_events.inventories import Unreadable, mapping_of, read_inventory
from forge_events.queries import Condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.api.calls import Call
    from forge_events.api.resources import Resource
    from forge_events.api.routes import Routes

__all__ = ["add_inventories", "check_child"]

_INVENTORY = RESOURCES["inventory"]


def add_inventories(routes: Routes, created: Callable[[Call, Resource, dict[str, Any]], dict[str, Any]]) -> None:
    """Add the paths below inventories, hosts and groups.

    :param created: makes an object.
    """
    path = "/api/v2/inventories/{key}/"
    for kind in ("host", "group"):
        _add_parts(routes, f"{path}{kind}s/", RESOURCES[kind], created)
    routes.add(f"{path}root_groups/", GET=_root_groups)
    routes.add(f"{path}script/", GET=_script)
    routes.add(f"{path}job_templates/", GET=_templates)
    routes.add("/api/v2/groups/{key}/all_hosts/", GET=_all_hosts)
    routes.add("/api/v2/hosts/{key}/all_groups/", GET=_all_groups)
    for kind in ("inventory", "host", "group"):
        _add_variables(routes, RESOURCES[kind])


def check_child(call: Call, parent: int, child: int) -> None:
    """Refuse that a group is below itself.

    :raises Refusal: it would be.
    """
    below, seen = [child], set[int]()
    while below:
        group = below.pop()
        if group == parent:
            raise Refusal(400, {"detail": "A group cannot be below itself."})
        if group not in seen:
            seen.add(group)
            below += call.store.catalogue.related("group", "children", group)


def _add_parts(
    routes: Routes,
    path: str,
    resource: Resource,
    created: Callable[[Call, Resource, dict[str, Any]], dict[str, Any]],
) -> None:
    def read(call: Call) -> Any:
        return listed(call, resource, scope=[("inventory", row_of(call, _INVENTORY, call.key())["id"])])

    def write(call: Call) -> Answer:
        call.admin()
        found = created(call, resource, {**call.body, "inventory": row_of(call, _INVENTORY, call.key())["id"]})
        return Answer(201, found, found["url"])

    routes.resource(path, resource, GET=read, POST=write)


def _add_variables(routes: Routes, resource: Resource) -> None:
    def read(call: Call) -> Any:
        return _variables(row_of(call, resource, call.key())["variables"])

    def write(call: Call) -> Any:
        from forge_events.api.wire import dumped

        call.admin()
        row = row_of(call, resource, call.key())
        values = {"variables": dumped(call.body)}
        call.store.catalogue.change(resource.type, row["id"], values, call.store.now(), call.principal.user.id)
        return call.body

    routes.add(f"/api/v2/{resource.name}/{{key}}/variable_data/", GET=read, PUT=write, PATCH=write)


def _variables(text: str) -> dict[str, Any]:
    try:
        return mapping_of(text) if text else {}
    except Unreadable as error:
        raise bad_fields(variables=str(error)) from None


def _root_groups(call: Call) -> Any:
    key = row_of(call, _INVENTORY, call.key())["id"]
    has_parent = Condition("id", "isnull", value=True, path=("parents",))
    return listed(call, RESOURCES["group"], scope=[("inventory", key)], within=[has_parent])


def _templates(call: Call) -> Any:
    key = row_of(call, _INVENTORY, call.key())["id"]
    return listed(call, RESOURCES["job_template"], scope=[("inventory", key)])


def _all_hosts(call: Call) -> Any:
    group = row_of(call, RESOURCES["group"], call.key())["id"]
    below, seen = [group], set[int]()
    while below:
        found = below.pop()
        if found not in seen:
            seen.add(found)
            below += call.store.catalogue.related("group", "children", found)
    return listed(call, RESOURCES["host"], within=[Condition("id", "in", tuple(seen), ("groups",))])


def _all_groups(call: Call) -> Any:
    host = row_of(call, RESOURCES["host"], call.key())["id"]
    return listed(call, RESOURCES["group"], within=[Condition("id", "exact", host, ("hosts",))])


def _script(call: Call) -> dict[str, Any]:
    """Return the inventory as its script would print it."""
    key = row_of(call, _INVENTORY, call.key())["id"]
    whole = read_inventory(call.store, key)[0]["all"]
    given = dict(call.parameters)
    found: dict[str, Any] = {"all": {"vars": whole.get("vars", {}), "children": list(whole["children"])}}
    grouped = set[str]()
    for name, group in whole["children"].items():
        found[name] = {
            "hosts": list(group["hosts"]),
            "children": list(group["children"]),
            "vars": group.get("vars", {}),
        }
        grouped |= set(group["hosts"])
    found["all"]["hosts"] = [name for name in whole["hosts"] if name not in grouped]
    if given.get("hostvars", "0") not in ("", "0", "false"):
        found["_meta"] = {"hostvars": whole["hosts"]}
    return found
