# SPDX-License-Identifier: Apache-2.0
"""Make, change and delete the objects that are nothing but a row, and what belongs to them."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from forge_events import files
from forge_events.api.fields import validated
from forge_events.api.inventories import add_inventories, check_child
from forge_events.api.lists import listed, one, row_of
from forge_events.api.refusals import Refusal, bad_fields, detail, not_allowed, not_found, refused
from forge_events.api.routes import Answer
from forge_events.api.table import RESOURCES
from forge_events.errors import NameTaken
from forge_events.queries import Condition

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from forge_events.api.calls import Call
    from forge_events.api.resources import Resource
    from forge_events.api.routes import Routes

__all__ = ["add_objects", "created", "id_in", "sublist"]

_COLUMNS = {
    "organization": ("name", "description"),
    "inventory": ("name", "description", "variables"),
    "host": ("name", "description", "enabled", "instance_id", "variables", "inventory"),
    "group": ("name", "description", "variables", "inventory"),
    "project": ("name", "description", "local_path"),
    "label": ("name",),
    "execution_environment": ("name", "description", "image", "pull"),
}
_TAKEN = {
    "host": "Host with this Name and Inventory already exists.",
    "group": "Group with this Name and Inventory already exists.",
    "project": "Project with this (name, organization) combination already exists.",
    "execution_environment": "Execution environment with this Name already exists.",
}
_LOOKED_AT = 100_000
_SOURCES = ("scm_url", "scm_refspec", "scm_branch")


def add_objects(routes: Routes) -> None:
    """Add the paths of these objects."""
    for kind in _COLUMNS:
        resource = RESOURCES[kind]
        path = f"/api/v2/{resource.name}/"
        functions: dict[str, Callable[[Call], Any]] = {"GET": partial(listed, resource=resource)}
        details: dict[str, Callable[[Call], Any]] = {"GET": partial(_one, resource=resource)}
        functions["POST"] = _no_organization if kind == "organization" else partial(_create, resource=resource)
        details["PUT"] = partial(_change, resource=resource, is_partial=False)
        details["PATCH"] = partial(_change, resource=resource, is_partial=True)
        if kind not in ("label", "organization"):
            details["DELETE"] = partial(_delete, resource=resource)
        routes.resource(path, resource, **functions)
        routes.resource(f"{path}{{key}}/", resource, **details)
    label = RESOURCES["label"]
    for owner in ("job_templates", "jobs"):
        sublist(routes, f"/api/v2/{owner}/{{key}}/labels/", owner, label, "labels", inverse=owner)
    _add_groups(routes)
    add_inventories(routes, created)
    project = "/api/v2/projects/{key}/"
    routes.add(f"{project}playbooks/", GET=_playbooks)
    routes.add(f"{project}inventories/", GET=lambda call: _nothing(call, "project"))
    routes.add(f"{project}update/", GET=_can_update, POST=_no_update)


def _can_update(call: Call) -> dict[str, bool]:
    row_of(call, RESOURCES["project"], call.key())
    return {"can_update": False}


def _no_update(call: Call) -> Answer:
    call.admin()
    raise not_allowed("POST", "GET, HEAD, OPTIONS")


def _add_groups(routes: Routes) -> None:
    host, group = RESOURCES["host"], RESOURCES["group"]
    sublist(routes, "/api/v2/groups/{key}/hosts/", "groups", host, "hosts", inverse="groups")
    sublist(routes, "/api/v2/groups/{key}/children/", "groups", group, "children", inverse="parents")
    sublist(routes, "/api/v2/hosts/{key}/groups/", "hosts", group, "groups", inverse="hosts")


def created(call: Call, resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    """Make an object and return it.

    :raises Refusal: it cannot be made.
    """
    values = _checked(call, resource, validated(call, resource.written, body, is_partial=False))
    key = _written(resource, lambda: call.store.catalogue.add(
        resource.type, _columns(resource, values), call.store.now(), call.admin().user.id
    ))  # fmt: skip
    return one(call, resource, str(key))


def sublist(routes: Routes, path: str, owner: str, resource: Resource, relation: str, *, inverse: str) -> None:
    """Add the list of what belongs to an object, to which others may be added.

    :param owner: the list that the object is in.
    :param inverse: the relation by which the others lead to it.
    """
    owning = next(each for each in RESOURCES.values() if each.name == owner)

    def read(call: Call) -> Any:
        key = row_of(call, owning, call.key())["id"]
        return listed(call, resource, within=[Condition("id", "exact", key, (inverse,))])

    def write(call: Call) -> Answer:
        call.admin()
        row = row_of(call, owning, call.key())
        return _attach(call, owning, row, resource, relation)

    routes.resource(path, resource, GET=read, POST=write)


def _attach(call: Call, owning: Resource, row: dict[str, Any], resource: Resource, relation: str) -> Answer:
    """Let an object belong to another one, or no more; one without an id is made first."""
    body = call.body
    if body.get("disassociate"):
        if "id" not in body:
            raise Refusal(400, {"msg": '"id" is required to disassociate'})
        call.store.catalogue.detach(owning.type, relation, row["id"], id_in(body))
        return Answer(204)
    if "id" in body:
        _attach_known(call, owning, row, resource, relation, id_in(body))
        return Answer(204)
    if relation == "labels":
        _check_label_count(call, owning, row)
        found = _label(call, body)
    else:
        found = created(call, resource, {"inventory": row.get("inventory"), **body})
    call.store.catalogue.attach(owning.type, relation, row["id"], found["id"])
    return Answer(201, found, found["url"])


def _attach_known(
    call: Call, owning: Resource, row: dict[str, Any], resource: Resource, relation: str, other: int
) -> None:
    try:
        found = row_of(call, resource, str(other))
    except Refusal:
        raise detail(400, f"{resource.model} matching query does not exist.") from None
    if relation == "labels":
        _check_label_count(call, owning, row)
    elif found["inventory"] != row["inventory"]:
        raise Refusal(400, {"detail": f"{resource.model} does not belong to the same inventory."})
    if relation == "children":
        check_child(call, row["id"], other)
    call.store.catalogue.attach(owning.type, relation, row["id"], other)


def id_in(body: dict[str, Any]) -> int:
    """Return the id that a body names.

    :raises Refusal: it is none.
    """
    given = body["id"]
    is_number = isinstance(given, int) and not isinstance(given, bool)
    if not (is_number or (isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) < 20)):
        raise Refusal(400, {"msg": '"id" field must be an integer.'})
    return max(-1, min(int(given), 2**53))


def _check_label_count(call: Call, owning: Resource, row: dict[str, Any]) -> None:
    if len(call.store.catalogue.related(owning.type, "labels", row["id"])) >= 100:
        raise Refusal(400, {"msg": f"Maximum number of labels for {row['name']} reached."})


def _label(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Return the label of a name, which is made if it is missing."""
    resource = RESOURCES["label"]
    values = validated(call, resource.written, body, is_partial=False)
    found = listed(call, resource, scope=[("name", values["name"])])["results"]
    return found[0] if found else created(call, resource, body)


def _one(call: Call, resource: Resource) -> Any:
    return one(call, resource, call.key())


def _create(call: Call, resource: Resource) -> Answer:
    call.admin()
    found = created(call, resource, call.body)
    return Answer(201, found, found["url"])


def _change(call: Call, resource: Resource, *, is_partial: bool) -> dict[str, Any]:
    call.admin()
    row = row_of(call, resource, call.key())
    values = _checked(call, resource, validated(call, resource.written, call.body, is_partial=is_partial))
    columns = _columns(resource, values)
    if columns.get("inventory_id", row.get("inventory")) != row.get("inventory"):
        raise bad_fields(inventory="An object stays in its inventory.")
    at, by = call.store.now(), call.principal.user.id
    _written(resource, lambda: call.store.catalogue.change(resource.type, row["id"], columns, at, by))
    return one(call, resource, str(row["id"]))


def _delete(call: Call, resource: Resource) -> Answer:
    call.admin()
    row = row_of(call, resource, call.key())
    active = _active(call, resource, row["id"])
    if active:
        raise Refusal(409, {"error": "Resource is being used by running jobs.", "active_jobs": active})
    call.store.catalogue.delete(resource.type, row["id"])
    # AWX deletes an inventory in the background, and its clients expect to hear so.
    return Answer(202 if resource.type == "inventory" else 204)


def _active(call: Call, resource: Resource, key: int) -> list[dict[str, Any]]:
    from forge_events.queries import Query

    if resource.type not in ("inventory", "project"):
        return []
    is_active = Condition("status", "in", ("new", "pending", "waiting", "running"))
    query = Query(every=(is_active, Condition(resource.type, "exact", key)), limit=20, is_counted=False)
    return [{"type": "job", "id": row["id"]} for row in call.store.find("job", query).rows]


def _no_organization(call: Call) -> Any:
    call.admin()
    raise refused("forge_events has one organization, Default.")


def _checked(call: Call, resource: Resource, values: dict[str, Any]) -> dict[str, Any]:
    """Refuse what AWX would have and this has not, rather than do something else."""
    if resource.type == "project":
        if any(values.get(name) for name in _SOURCES):
            raise bad_fields(scm_url="forge_events has manual projects alone.")
        if "local_path" in values:
            _check_folder(call, values["local_path"])
    return values


def _check_folder(call: Call, local_path: str) -> None:
    path = PurePosixPath(local_path)
    if not local_path:
        raise bad_fields(local_path="This field is required: the name of a folder in the folder of projects.")
    if path.is_absolute() or len(path.parts) != 1 or path.parts[0] == ".." or str(path) != local_path:
        raise bad_fields(local_path="It is the name of one folder in the folder of projects.")
    folder = call.house.projects / local_path
    if folder.is_symlink() or not folder.is_dir():
        raise bad_fields(local_path="Invalid path choice.")


def _columns(resource: Resource, values: dict[str, Any]) -> dict[str, Any]:
    names = _COLUMNS[resource.type]
    return {f"{name}_id" if name == "inventory" else name: values[name] for name in names if name in values}


def _written(resource: Resource, write: Callable[[], Any]) -> Any:
    try:
        return write()
    except NameTaken:
        usual = f"{resource.model} with this Name and Organization already exists."
        raise refused(_TAKEN.get(resource.type, usual)) from None


def _nothing(call: Call, kind: str) -> list[Any]:
    row_of(call, RESOURCES[kind], call.key())
    return []


def _playbooks(call: Call) -> list[str]:
    row = row_of(call, RESOURCES["project"], call.key())
    return playbooks_of(call, row["local_path"])


def playbooks_of(call: Call, local_path: str) -> list[str]:
    """Return the playbooks of a project: files of YAML that begin as one does, not too deep and not too many."""
    folder = call.house.projects / local_path
    if not local_path or not folder.is_dir():
        raise not_found("Project")
    found = []
    for depth in ("*", "*/*"):
        for file in sorted(folder.glob(depth)):
            if file.suffix in (".yml", ".yaml") and _is_within(folder, file) and _is_playbook(_beginning(file)):
                found.append(str(file.relative_to(folder)))
            if len(found) >= 1000:
                return found
    return found


def _is_within(folder: Path, file: Path) -> bool:
    """Return whether a file is in a folder, wherever links lead."""
    try:
        return file.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return False


def _beginning(path: Path) -> bytes:
    try:
        with files.open_binary(path.resolve()) as file:
            return file.read(_LOOKED_AT)
    except OSError:
        return b""


def _is_playbook(beginning: bytes) -> bool:
    lines = beginning.splitlines()
    return any(
        line.lstrip(b"- ").startswith((b"hosts:", b"import_playbook:", b"ansible.builtin.import")) for line in lines
    )
