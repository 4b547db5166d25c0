# SPDX-License-Identifier: Apache-2.0
"""The table of resources: what each has, in AWX's words. Routes, filters, OPTIONS and the OpenAPI document read it."""

from __future__ import annotations

import dataclasses
from typing import Any

from forge_events.api.resources import Field, Resource

__all__ = ["RESOURCES"]

STATUSES = tuple(
    (word, word.capitalize())
    for word in ["new", "pending", "waiting", "running", "successful", "failed", "error", "canceled"]
)
_HOW = ("manual", "relaunch", "callback", "scheduled", "dependency", "workflow", "webhook", "sync", "scm", "recorded")
LAUNCH_TYPES = tuple((word, word.capitalize()) for word in _HOW)
JOB_TYPES = (("run", "Run"), ("check", "Check"))
VERBOSITIES = tuple(
    enumerate(("0 (Normal)", "1 (Verbose)", "2 (More Verbose)", "3 (Debug)", "4 (Connection Debug)", "5 (WinRM Debug)"))
)


def _id(name: str, target: str, **more: Any) -> Field:
    return Field(name, "id", target=target, is_nullable=True, **more)


def _number(name: str, **more: Any) -> Field:
    return Field(name, "integer", **more)


def _flag(name: str, **more: Any) -> Field:
    return Field(name, "boolean", **more)


def _time(name: str, **more: Any) -> Field:
    return Field(name, "datetime", **more)


def _shown(name: str, kind: str = "string", **more: Any) -> Field:
    """Return a field that is worked out when it is shown."""
    return Field(name, kind, is_column=False, **more)


_HEAD = (
    _number("id", label="ID", help="Database ID for this object."),
    _shown("type", "choice"),
    _shown("url"),
    _shown("related", "object"),
    _shown("summary_fields", "object"),
    _time("created"),
    _time("modified"),
)
_NAMED = (
    *_HEAD,
    Field("name", is_written=True, is_required=True, is_blank=False, max_length=512),
    Field("description", is_written=True, default=""),
)
_BY = (_id("created_by", "user", is_shown=False), _id("modified_by", "user", is_shown=False))

JOB = Resource(
    "jobs",
    "job",
    "Job",
    (
        *_NAMED[:-2],
        Field("name"),
        Field("description"),
        _id("unified_job_template", "job_template"),
        Field("launch_type", "choice", choices=LAUNCH_TYPES),
        Field("status", "choice", choices=STATUSES),
        _id("execution_environment", "execution_environment"),
        _flag("failed"),
        _time("started"),
        _time("finished"),
        _time("canceled_on"),
        Field("elapsed", "decimal"),
        Field("job_explanation"),
        Field("execution_node"),
        _shown("controller_node"),
        _shown("launched_by", "field"),
        _shown("work_unit_id"),
        Field("job_type", "choice", choices=JOB_TYPES),
        _id("inventory", "inventory"),
        _id("project", "project"),
        Field("playbook"),
        _shown("scm_branch"),
        _number("forks"),
        Field("limit"),
        Field("verbosity", "choice", choices=VERBOSITIES),
        _shown("extra_vars", "json"),
        _shown("job_tags"),
        _shown("force_handlers", "boolean"),
        _shown("skip_tags"),
        _shown("start_at_task"),
        Field("timeout", "integer"),
        _shown("use_fact_cache", "boolean"),
        _id("organization", "organization"),
        _id("job_template", "job_template"),
        _shown("passwords_needed_to_start", "field"),
        _shown("allow_simultaneous", "boolean"),
        _shown("artifacts", "json"),
        _shown("scm_revision"),
        _shown("instance_group", "id"),
        _shown("diff_mode", "boolean"),
        _shown("job_slice_number", "integer"),
        _shown("job_slice_count", "integer"),
        _shown("webhook_service", "choice"),
        _shown("webhook_credential", "id"),
        _shown("webhook_guid"),
        _BY[0],
    ),
    order=("id",),
    many={"labels": "label", "job_host_summaries": "job_host_summary"},
    refused=frozenset({"start_args", "extra_vars", "job_args", "job_env", "survey_passwords"}),
)

JOB_EVENT = Resource(
    "job_events",
    "job_event",
    "JobEvent",
    (
        *_HEAD,
        _id("job", "job"),
        Field("event", "choice"),
        _number("counter"),
        _shown("event_display"),
        _shown("event_data", "json"),
        _shown("event_level", "integer"),
        _flag("failed"),
        _flag("changed"),
        Field("uuid"),
        Field("parent_uuid"),
        _shown("host", "id"),
        Field("host_name"),
        Field("playbook"),
        Field("play"),
        Field("task"),
        Field("role"),
        Field("stdout"),
        _number("start_line"),
        _number("end_line"),
        _number("verbosity"),
    ),
    searched=("stdout",),
    order=("start_line", "counter"),
    is_root=False,
)

JOB_HOST_SUMMARY = Resource(
    "job_host_summaries",
    "job_host_summary",
    "JobHostSummary",
    (
        *_HEAD,
        _id("job", "job"),
        _shown("host", "id"),
        _shown("constructed_host", "id"),
        Field("host_name"),
        *(_number(name) for name in ("changed", "dark", "failures", "ok", "processed", "skipped")),
        _flag("failed"),
        *(_number(name) for name in ("ignored", "rescued")),
    ),
    searched=("host_name",),
    is_root=False,
)

USER = Resource(
    "users",
    "user",
    "User",
    (
        *_HEAD,
        Field("username", is_written=True, is_required=True, is_blank=False, max_length=150),
        Field("first_name", is_written=True, max_length=150, default=""),
        Field("last_name", is_written=True, max_length=150, default=""),
        Field("email", is_written=True, max_length=254, default=""),
        _flag("is_superuser", is_written=True, default=False),
        _flag("is_system_auditor", is_written=True, default=False),
        _shown("password", is_written=True, default=""),
        _shown("ldap_dn"),
        _time("last_login"),
        _shown("external_account"),
        _shown("auth", "list"),
    ),
    searched=("username", "first_name", "last_name", "email"),
    order=("username",),
    refused=frozenset({"password"}),
    natural="username",
)

_ASKS = ("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory",
         "credential", "execution_environment", "labels", "forks", "job_slice_count", "timeout",
         "instance_groups")  # fmt: skip
ASKS = tuple(f"ask_{name}_on_launch" for name in _ASKS)
"""What of a launch a template may leave to whoever launches it."""

_RUNS = (
    _time("last_job_run", is_column=False),
    _shown("last_job_failed", "boolean"),
    _time("next_job_run", is_column=False),
    _shown("status", "choice"),
)


def _given(name: str, kind: str = "string", **more: Any) -> Field:
    """Return a field that may be given, and that no column has."""
    return Field(name, kind, is_column=False, is_written=True, **more)


PROMPTED = (
    Field("job_type", "choice", choices=JOB_TYPES, is_written=True, default="run"),
    _id("inventory", "inventory", is_written=True),
    _id("execution_environment", "execution_environment", is_written=True),
    Field("limit", is_written=True, default=""),
    _number("forks", is_written=True, default=0, minimum=0, maximum=10_000),
    Field("verbosity", "choice", choices=VERBOSITIES, is_written=True, default=0),
    _given("extra_vars", "json", default=""),
    _given("job_tags", default=""),
    _given("skip_tags", default=""),
    _given("timeout", "integer", default=0, minimum=0, maximum=10**8),
    _given("diff_mode", "boolean", default=False),
    _given("scm_branch", default="", max_length=1024),
)
"""What a launch may be given, where its template asks for it."""

JOB_TEMPLATE = Resource(
    "job_templates",
    "job_template",
    "JobTemplate",
    (
        *_NAMED,
        _id("project", "project", is_written=True),
        Field("playbook", is_written=True, default="", max_length=1024),
        *PROMPTED,
        _given("force_handlers", "boolean", default=False),
        _given("start_at_task", default=""),
        _given("use_fact_cache", "boolean", default=False),
        _id("organization", "organization"),
        *_RUNS,
        _given("host_config_key", default="", max_length=1024),
        *(_given(name, "boolean", default=False) for name in ASKS),
        _given("survey_enabled", "boolean", default=False),
        _given("become_enabled", "boolean", default=False),
        Field("allow_simultaneous", "boolean", is_written=True, default=False),
        _shown("custom_virtualenv"),
        _given("job_slice_count", "integer", default=1, minimum=0),
        _given("webhook_service", "choice", choices=(("", ""), ("github", "GitHub"), ("gitlab", "GitLab")), default=""),
        _shown("webhook_credential", "id"),
        _given("prevent_instance_group_fallback", "boolean", default=False),
        *_BY,
    ),
    order=("name",),
    many={"labels": "label", "jobs": "job"},
    refused=frozenset({"survey_spec", "extra_vars", "host_config_key", "webhook_key"}),
    natural="name",
)

_VARIABLES = Field("variables", "json", is_column=False, is_written=True, default="")
_OF_INVENTORY = _id("inventory", "inventory", is_written=True, is_required=True)
_ORGANIZATION = _id("organization", "organization", is_written=True, default=1)

INVENTORY = Resource(
    "inventories",
    "inventory",
    "Inventory",
    (
        *_NAMED,
        _ORGANIZATION,
        _given("kind", "choice", choices=(("", "Hosts have a direct link to this inventory."),), default=""),
        _shown("host_filter"),
        _VARIABLES,
        _shown("has_active_failures", "boolean"),
        _shown("total_hosts", "integer"),
        _shown("hosts_with_active_failures", "integer"),
        _shown("total_groups", "integer"),
        _shown("has_inventory_sources", "boolean"),
        _shown("total_inventory_sources", "integer"),
        _shown("inventory_sources_with_failures", "integer"),
        _shown("pending_deletion", "boolean"),
        _given("prevent_instance_group_fallback", "boolean", default=False),
        *_BY,
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
        *_NAMED,
        _OF_INVENTORY,
        Field("enabled", "boolean", is_written=True, default=True),
        Field("instance_id", is_written=True, default="", max_length=1024),
        _VARIABLES,
        _shown("has_active_failures", "boolean"),
        _shown("has_inventory_sources", "boolean"),
        _shown("last_job", "id"),
        _shown("last_job_host_summary", "id"),
        _time("ansible_facts_modified", is_column=False),
        *_BY,
    ),
    order=("name",),
    many={"groups": "group"},
)

GROUP = Resource(
    "groups",
    "group",
    "Group",
    (*_NAMED, _OF_INVENTORY, _VARIABLES, *_BY),
    order=("name",),
    many={"hosts": "host", "children": "group", "parents": "group"},
)

PROJECT = Resource(
    "projects",
    "project",
    "Project",
    (
        *_NAMED,
        Field("local_path", is_written=True, default="", max_length=1024),
        _given("scm_type", "choice", choices=(("", "Manual"),), default=""),
        *(_given(name, default="") for name in ("scm_url", "scm_branch", "scm_refspec")),
        *(_given(n, "boolean", default=False) for n in ("scm_clean", "scm_track_submodules", "scm_delete_on_update")),
        _shown("credential", "id"),
        _given("timeout", "integer", default=0, minimum=0),
        _shown("scm_revision"),
        *_RUNS,
        _ORGANIZATION,
        _given("scm_update_on_launch", "boolean", default=False),
        _given("scm_update_cache_timeout", "integer", default=0, minimum=0),
        _given("allow_override", "boolean", default=False),
        _shown("custom_virtualenv"),
        _shown("default_environment", "id"),
        _shown("signature_validation_credential", "id"),
        _shown("last_update_failed", "boolean"),
        _time("last_updated", is_column=False),
        *_BY,
    ),
    natural="name",
)

LABEL = Resource(
    "labels",
    "label",
    "Label",
    (*_NAMED[:-1], _ORGANIZATION, *_BY),
    searched=("name",),
    order=("name",),
    many={"job_templates": "job_template", "jobs": "job"},
)

ENVIRONMENT = Resource(
    "execution_environments",
    "execution_environment",
    "ExecutionEnvironment",
    (
        *_NAMED,
        _ORGANIZATION,
        Field("image", is_written=True, is_required=True, is_blank=False, max_length=1024),
        _shown("managed", "boolean"),
        _shown("credential", "id"),
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
        *_BY,
    ),
)

ORGANIZATION = Resource(
    "organizations",
    "organization",
    "Organization",
    (
        *_NAMED,
        _shown("max_hosts", "integer"),
        _shown("custom_virtualenv"),
        _shown("default_environment", "id"),
        *_BY,
    ),
    order=("name",),
    natural="name",
)

TOKEN = Resource(
    "tokens",
    "token",
    "OAuth2AccessToken",
    (
        *_HEAD,
        Field("description", is_written=True, default=""),
        _id("user", "user"),
        _shown("token"),
        _shown("refresh_token"),
        _shown("application", "id"),
        _time("expires"),
        Field("scope", is_written=True, default="write"),
    ),
    searched=("description",),
    refused=frozenset({"token", "refresh_token"}),
)

INSTANCE = Resource(
    "instances",
    "instance",
    "Instance",
    (
        *_HEAD,
        Field("hostname"),
        _shown("uuid"),
        _time("last_seen"),
        *(_time(n, is_column=False) for n in ("health_check_started", "last_health_check")),
        _shown("health_check_pending", "boolean"),
        _shown("errors"),
        Field("capacity_adjustment", "decimal", is_written=True, minimum=0, maximum=1),
        Field("version"),
        *(_shown(n, "integer") for n in ("capacity", "consumed_capacity")),
        _shown("percent_capacity_remaining", "float"),
        *(_shown(n, "integer") for n in ("jobs_running", "jobs_total")),
        Field("cpu", "decimal"),
        _number("memory"),
        *(_shown(n, "integer") for n in ("cpu_capacity", "mem_capacity")),
        Field("enabled", "boolean", is_written=True),
        _shown("managed_by_policy", "boolean"),
        Field(
            "node_type", "choice", choices=tuple((n, n.capitalize()) for n in ("hybrid", "control", "execution", "hop"))
        ),
        _shown("node_state", "choice"),
        _shown("managed", "boolean"),
        _shown("ip_address"),
        *(_shown(n, "list") for n in ("peers", "reverse_peers")),
        _shown("listener_port", "integer"),
        _shown("peers_from_control_nodes", "boolean"),
        _shown("protocol"),
    ),
    searched=("hostname",),
    natural="hostname",
)

SCHEDULE = Resource(
    "schedules",
    "schedule",
    "Schedule",
    (
        Field("rrule", is_written=True, is_required=True, is_blank=False),
        *_NAMED,
        _given("extra_data", "json", default=""),
        *(dataclasses.replace(field, is_column=False) for field in PROMPTED if field.name != "extra_vars"),
        _id("unified_job_template", "job_template", is_written=True, is_required=True),
        Field("enabled", "boolean", is_written=True, default=True),
        *(_shown(name, "datetime") for name in ("dtstart", "dtend")),
        _time("next_run"),
        *(_shown(name) for name in ("timezone", "until")),
    ),
    order=("id",),
)

RESOURCES: dict[str, Resource] = {
    each.type: each
    for each in (
        JOB,
        JOB_EVENT,
        JOB_HOST_SUMMARY,
        USER,
        TOKEN,
        JOB_TEMPLATE,
        INVENTORY,
        HOST,
        GROUP,
        PROJECT,
        LABEL,
        ENVIRONMENT,
        ORGANIZATION,
        INSTANCE,
        SCHEDULE,
    )
}
"""The resources by the type of their objects."""
