# SPDX-License-Identifier: Apache-2.0
"""The table of resources: what each has, in AWX's words. Routes, filters, OPTIONS and the OpenAPI document read it."""

from __future__ import annotations

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
_BY = (_id("created_by", "user"), _id("modified_by", "user"))

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

JOB_TEMPLATE = Resource(
    "job_templates",
    "job_template",
    "JobTemplate",
    (
        *_NAMED,
        Field("job_type", "choice", choices=JOB_TYPES, is_written=True, default="run"),
        _id("inventory", "inventory", is_written=True),
        _id("project", "project", is_written=True),
        Field("playbook", is_written=True, default="", max_length=1024),
        *_BY,
    ),
    order=("name",),
    many={"labels": "label", "jobs": "job"},
    refused=frozenset({"survey_spec", "extra_vars", "host_config_key", "webhook_key"}),
    natural="name",
)

INVENTORY = Resource("inventories", "inventory", "Inventory", (*_NAMED, *_BY), order=("name",), natural="name")
PROJECT = Resource("projects", "project", "Project", (*_NAMED, *_BY), natural="name")
LABEL = Resource("labels", "label", "Label", (*_NAMED, *_BY), order=("name",))
ENVIRONMENT = Resource("execution_environments", "execution_environment", "ExecutionEnvironment", (*_NAMED, *_BY))
ORGANIZATION = Resource("organizations", "organization", "Organization", (*_NAMED, *_BY), natural="name")

RESOURCES: dict[str, Resource] = {
    each.type: each
    for each in (
        JOB,
        JOB_EVENT,
        JOB_HOST_SUMMARY,
        USER,
        JOB_TEMPLATE,
        INVENTORY,
        PROJECT,
        LABEL,
        ENVIRONMENT,
        ORGANIZATION,
    )
}
"""The resources by the type of their objects."""
