# SPDX-License-Identifier: Apache-2.0
"""Inventories, hosts, groups, projects, labels, execution environments and the organization as they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from forge_events.api.related import summaries_of
from forge_events.api.wire import time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forge_events.api.calls import Call

__all__ = ["PLACES", "show_objects"]

PLACES = {
    "organization": "organizations",
    "inventory": "inventories",
    "host": "hosts",
    "group": "groups",
    "project": "projects",
    "label": "labels",
    "execution_environment": "execution_environments",
    "user": "users",
    "job_template": "job_templates",
}
"""Where the objects of a type are below ``/api/v2/``."""

_NEVER_RUN = {"last_job_run": None, "last_job_failed": False, "next_job_run": None}
_CONSTANT: dict[str, dict[str, Any]] = {
    "organization": {"max_hosts": 0, "custom_virtualenv": None, "default_environment": None},
    "inventory": {
        "organization": 1,
        "kind": "",
        "host_filter": None,
        "has_active_failures": False,
        "hosts_with_active_failures": 0,
        "has_inventory_sources": False,
        "total_inventory_sources": 0,
        "inventory_sources_with_failures": 0,
        "pending_deletion": False,
        "prevent_instance_group_fallback": False,
    },
    "host": {
        "has_active_failures": False,
        "has_inventory_sources": False,
        "last_job": None,
        "last_job_host_summary": None,
        "ansible_facts_modified": None,
    },
    "group": {},
    "project": {
        "scm_type": "",
        **dict.fromkeys(("scm_url", "scm_branch", "scm_refspec", "scm_revision"), ""),
        **dict.fromkeys(("scm_clean", "scm_track_submodules", "scm_delete_on_update", "scm_update_on_launch"), False),
        "allow_override": False,
        "credential": None,
        "timeout": 0,
        **_NEVER_RUN,
        "organization": 1,
        "scm_update_cache_timeout": 0,
        "custom_virtualenv": None,
        "default_environment": None,
        "signature_validation_credential": None,
        "last_update_failed": False,
        "last_updated": None,
    },
    "label": {"organization": 1},
    "execution_environment": {"organization": 1, "managed": False, "credential": None},
}
_RELATED = {
    "organization": ("inventories", "projects", "job_templates", "users", "execution_environments", "teams"),
    "inventory": ("hosts", "groups", "root_groups", "variable_data", "script", "job_templates", "labels",
                  "inventory_sources", "instance_groups", "access_list", "object_roles"),
    "host": ("variable_data", "groups", "all_groups", "job_events", "job_host_summaries"),
    "group": ("variable_data", "hosts", "all_hosts", "children", "potential_children"),
    "project": ("playbooks", "inventories", "update", "schedules", "access_list", "object_roles"),
    "label": (),
    "execution_environment": (),
}  # fmt: skip
_SCOPED = frozenset({"inventory", "project", "label", "execution_environment"})
_NAMED = frozenset({"inventory", "project", "organization"})


def show_objects(
    call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False, kind: str
) -> list[dict[str, Any]]:
    """Return objects of a type."""
    del is_detail
    if kind in _SCOPED:
        rows = [{**row, "organization": 1} for row in rows]
    names = ["created_by", "modified_by", *(["organization"] if kind in _SCOPED else [])]
    summaries = summaries_of(call, rows, [*names, *(["inventory"] if kind in ("host", "group") else [])])
    more = _MORE[kind](call, rows) if kind in _MORE else [{} for _ in rows]
    return [_shown(call, kind, row, summary, extra) for row, summary, extra in zip(rows, summaries, more, strict=True)]


def _shown(
    call: Call, kind: str, row: dict[str, Any], summary: dict[str, Any], extra: dict[str, Any]
) -> dict[str, Any]:
    url = f"/api/v2/{PLACES[kind]}/{row['id']}/"
    is_admin = call.principal.is_admin
    capabilities = dict.fromkeys(("edit", "delete", "copy", "adhoc", "start", "schedule", "use"), is_admin)
    summary |= {"user_capabilities": capabilities, **extra.pop("summary_fields", {})}
    related = {name: f"{url}{name}/" for name in _RELATED[kind]}
    related |= {
        name: f"/api/v2/{PLACES['user' if name.endswith('_by') else name]}/{row[name]}/"
        for name in ("created_by", "modified_by", "organization", "inventory")
        if name in summary
    }
    if kind in _NAMED:
        related["named_url"] = f"/api/v2/{PLACES[kind]}/{named(row['name'], kind)}/"
    own = {name: value for name, value in row.items() if name not in ("created_by", "modified_by")}
    found = {
        "id": row["id"],
        "type": kind,
        "url": url,
        "related": related,
        "summary_fields": summary,
        **own,
        "created": time_of(row["created"]),
        "modified": time_of(row["modified"]),
        **_CONSTANT[kind],
        **extra,
    }
    if kind == "label":
        del found["description"]
    return found


def named(name: str, kind: str) -> str:
    """Return the name of an object as it stands in a URL."""
    # A command line may give a name that is no text: such an object is found by its id.
    text = quote(name.replace("+", "[+]"), safe="[+]", errors="replace")
    return text if kind == "organization" else f"{text}++Default"


def _inventories(call: Call, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    sizes = call.store.catalogue.sizes([row["id"] for row in rows])
    return [{"total_hosts": sizes[row["id"]][0], "total_groups": sizes[row["id"]][1]} for row in rows]


def _hosts(call: Call, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        ids = call.store.catalogue.related("host", "groups", row["id"])
        results = [{"id": each} for each in ids[:5]]
        found.append({"summary_fields": {"groups": {"count": len(ids), "results": results}, "recent_jobs": []}})
    return found


def _projects(call: Call, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"status": "ok" if (call.house.projects / row["local_path"]).is_dir() else "missing"} for row in rows]


def _organizations(call: Call, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    from forge_events.queries import Query

    models = {"inventories": "inventory", "projects": "project", "job_templates": "job_template", "users": "user"}
    counts = {name: call.store.find(model, Query(limit=0)).total or 0 for name, model in models.items()}
    return [{"summary_fields": {"related_field_counts": {**counts, "teams": 0, "admins": 0}}} for _ in rows]


_MORE: dict[str, Callable[[Call, Sequence[dict[str, Any]]], list[dict[str, Any]]]] = {
    "inventory": _inventories,
    "host": _hosts,
    "project": _projects,
    "organization": _organizations,
}
