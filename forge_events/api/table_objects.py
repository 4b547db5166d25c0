# SPDX-License-Identifier: Apache-2.0
"""The part of the table of resources that has what a launch may name: inventories, projects and others."""

from __future__ import annotations

from forge_events.api.kinds import BY, NAMED, RUNS, given, key, shown, time
from forge_events.api.resources import Field, Resource

__all__ = ["ENVIRONMENT", "GROUP", "HOST", "INVENTORY", "LABEL", "ORGANIZATION", "PROJECT"]

_VARIABLES = Field("variables", "json", is_column=False, is_written=True, default="")
_OF_INVENTORY = key("inventory", "inventory", is_written=True, is_required=True)
_ORGANIZATION = key("organization", "organization", is_written=True, default=1)

INVENTORY = Resource(
    "inventories",
    "inventory",
    "Inventory",
    (
        *NAMED,
        _ORGANIZATION,
        given("kind", "choice", choices=(("", "Hosts have a direct link to this inventory."),), default=""),
        shown("host_filter"),
        _VARIABLES,
        shown("has_active_failures", "boolean"),
        shown("total_hosts", "integer"),
        shown("hosts_with_active_failures", "integer"),
        shown("total_groups", "integer"),
        shown("has_inventory_sources", "boolean"),
        shown("total_inventory_sources", "integer"),
        shown("inventory_sources_with_failures", "integer"),
        shown("pending_deletion", "boolean"),
        given("prevent_instance_group_fallback", "boolean", default=False),
        *BY,
    ),
    order=("name",),
    many={"hosts": "host", "groups": "group", "job_templates": "job_template"},
    natural="name",
)

HOST = Resource(
    "hosts",
    "host",
    "Host",
    (
        *NAMED,
        _OF_INVENTORY,
        Field("enabled", "boolean", is_written=True, default=True),
        Field("instance_id", is_written=True, default="", max_length=1024),
        _VARIABLES,
        shown("has_active_failures", "boolean"),
        shown("has_inventory_sources", "boolean"),
        shown("last_job", "id"),
        shown("last_job_host_summary", "id"),
        time("ansible_facts_modified", is_column=False),
        *BY,
    ),
    order=("name",),
    many={"groups": "group"},
)

GROUP = Resource(
    "groups",
    "group",
    "Group",
    (*NAMED, _OF_INVENTORY, _VARIABLES, *BY),
    order=("name",),
    many={"hosts": "host", "children": "group", "parents": "group"},
)

PROJECT = Resource(
    "projects",
    "project",
    "Project",
    (
        *NAMED,
        Field("local_path", is_written=True, default="", max_length=1024),
        given("scm_type", "choice", choices=(("", "Manual"),), default=""),
        *(given(name, default="") for name in ("scm_url", "scm_branch", "scm_refspec")),
        *(given(n, "boolean", default=False) for n in ("scm_clean", "scm_track_submodules", "scm_delete_on_update")),
        shown("credential", "id"),
        given("timeout", "integer", default=0, minimum=0),
        shown("scm_revision"),
        *RUNS,
        _ORGANIZATION,
        given("scm_update_on_launch", "boolean", default=False),
        given("scm_update_cache_timeout", "integer", default=0, minimum=0),
        given("allow_override", "boolean", default=False),
        shown("custom_virtualenv"),
        shown("default_environment", "id"),
        shown("signature_validation_credential", "id"),
        shown("last_update_failed", "boolean"),
        time("last_updated", is_column=False),
        *BY,
    ),
    natural="name",
)

LABEL = Resource(
    "labels",
    "label",
    "Label",
    (*NAMED[:-1], _ORGANIZATION, *BY),
    searched=("name",),
    order=("name",),
    many={"job_templates": "job_template", "jobs": "job"},
)

ENVIRONMENT = Resource(
    "execution_environments",
    "execution_environment",
    "ExecutionEnvironment",
    (
        *NAMED,
        _ORGANIZATION,
        Field("image", is_written=True, is_required=True, is_blank=False, max_length=1024),
        shown("managed", "boolean"),
        shown("credential", "id"),
        Field(
            "pull",
            "choice",
            is_written=True,
            default="",
            choices=(
                ("", ""),
                ("always", "Always pull container before running."),
                ("missing", "Only pull the image if not present before running."),
                ("never", "Never pull container before running."),
            ),
        ),
        *BY,
    ),
)

ORGANIZATION = Resource(
    "organizations",
    "organization",
    "Organization",
    (
        *NAMED,
        shown("max_hosts", "integer"),
        shown("custom_virtualenv"),
        shown("default_environment", "id"),
        *BY,
    ),
    order=("name",),
    natural="name",
)
