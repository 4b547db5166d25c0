# SPDX-License-Identifier: Apache-2.0
"""What AWX has and this has not: empty lists, and sentences for who would add to them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from forge_events.api.fixed import found_in, page_in
from forge_events.api.lists import NOWHERE
from forge_events.api.refusals import not_found, refused
from forge_events.api.table import RESOURCES

if TYPE_CHECKING:
    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes

__all__ = ["EMPTY", "add_stubs"]

EMPTY = {
    "credentials": "forge_events keeps no credentials: a playbook finds what it needs on the node that runs it, in "
    "files, a vault or the environment.",
    "credential_input_sources": "forge_events keeps no credentials.",
    "inventory_sources": "forge_events has inventories of hosts alone; a job may read others as files.",
    "inventory_updates": "forge_events has no sources of inventories.",
    "project_updates": "forge_events has manual projects alone, which nothing updates.",
    "ad_hoc_commands": "forge_events runs playbooks alone.",
    "system_jobs": "forge_events is kept tidy by its command line.",
    "system_job_templates": "forge_events is kept tidy by its command line.",
    "notification_templates": "forge_events is told whom to notify by its command line.",
    "notifications": "forge_events is told whom to notify by its command line.",
    "teams": "forge_events has no teams: users are administrators or readers.",
    "roles": "forge_events has no roles: users are administrators or readers.",
    "applications": "forge_events has no OAuth applications: users have tokens.",
    "activity_stream": "forge_events writes changes to its log.",
    "workflow_approvals": "forge_events has no approvals.",
}
"""The lists that are always empty, with what is said to who would add to them."""

_WORKFLOWS = ("workflow_job_templates", "workflow_jobs", "workflow_job_template_nodes", "workflow_job_nodes")

_KINDS = (
    ("Machine", "ssh", "ssh"),
    ("Source Control", "scm", "scm"),
    ("Vault", "vault", "vault"),
    ("Network", "net", "net"),
    ("Amazon Web Services", "cloud", "aws"),
    ("OpenStack", "cloud", "openstack"),
    ("VMware vCenter", "cloud", "vmware"),
    ("Google Compute Engine", "cloud", "gce"),
    ("Microsoft Azure Resource Manager", "cloud", "azure_rm"),
    ("GitHub Personal Access Token", "token", "github_token"),
    ("GitLab Personal Access Token", "token", "gitlab_token"),
    ("Container Registry", "registry", "registry"),
)


def add_stubs(routes: Routes) -> None:
    """Add the paths of what is not there."""
    workflows = dict.fromkeys(_WORKFLOWS, "forge_events has no workflows.")
    for name, text in {**workflows, **EMPTY}.items():
        path = f"/api/v2/{name}/"
        # OPTIONS tells of reading alone: a client whose commands are made from it offers nothing else.
        routes.add(path, options=_told, GET=lambda _: NOWHERE, POST=partial(_refuse, text))
        routes.add(f"{path}{{key}}/", options=_told, GET=_missing, PATCH=_missing, DELETE=_missing)
    kind = RESOURCES["credential_type"]
    path = f"/api/v2/{kind.name}/"
    routes.resource(path, kind, GET=lambda call: page_in(call, kind, _kinds()))
    routes.resource(f"{path}{{key}}/", kind, GET=lambda call: found_in(call, kind, _kinds()))


def _told(call: Call) -> dict[str, Any]:
    return {
        "name": call.path.split("/")[3].replace("_", " ").title(),
        "description": "",
        "actions": {"GET": {}},
        "object_roles": [],
    }


def _refuse(text: str, call: Call) -> Any:
    call.admin()
    raise refused(text)


def _missing(call: Call) -> Any:
    model = "".join(word.capitalize() for word in call.path.split("/")[3].removesuffix("s").split("_"))
    raise not_found(model)


def _kinds() -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "type": "credential_type",
            "url": f"/api/v2/credential_types/{number}/",
            "related": {},
            "summary_fields": {"user_capabilities": {"edit": False, "delete": False}},
            "created": None,
            "modified": None,
            "name": name,
            "description": "",
            "kind": kind,
            "namespace": namespace,
            "managed": True,
            "inputs": {},
            "injectors": {},
        }
        for number, (name, kind, namespace) in enumerate(_KINDS, start=1)
    ]
