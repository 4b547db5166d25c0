# SPDX-License-Identifier: Apache-2.0
"""The part of the table of resources that has users, their tokens, and nodes."""

from __future__ import annotations

from forge_events.api.kinds import HEAD, flag, key, number, shown, time
from forge_events.api.resources import Field, Resource

__all__ = ["CREDENTIAL_TYPE", "INSTANCE", "INSTANCE_GROUP", "TOKEN", "USER"]

USER = Resource(
    "users",
    "user",
    "User",
    (
        *HEAD,
        Field("username", is_written=True, is_required=True, is_blank=False, max_length=150),
        Field("first_name", is_written=True, max_length=150, default=""),
        Field("last_name", is_written=True, max_length=150, default=""),
        Field("email", is_written=True, max_length=254, default=""),
        flag("is_superuser", is_written=True, default=False),
        flag("is_system_auditor", is_written=True, default=False),
        shown("password", is_written=True, default="", max_length=1024),
        shown("ldap_dn"),
        time("last_login"),
        shown("external_account"),
        shown("auth", "list"),
    ),
    searched=("username", "first_name", "last_name", "email"),
    order=("username",),
    refused=frozenset({"password"}),
    natural="username",
)

TOKEN = Resource(
    "tokens",
    "token",
    "OAuth2AccessToken",
    (
        *HEAD,
        Field("description", is_written=True, default=""),
        key("user", "user"),
        shown("token"),
        shown("refresh_token"),
        shown("application", "id"),
        time("expires"),
        Field("scope", is_written=True, default="write"),
    ),
    searched=("description",),
    refused=frozenset({"token", "refresh_token"}),
)

INSTANCE_GROUP = Resource(
    "instance_groups",
    "instance_group",
    "InstanceGroup",
    (
        *HEAD[:-2],
        Field("name"),
        *(time(name, is_column=False) for name in ("created", "modified")),
        *(shown(name, "integer") for name in ("capacity", "consumed_capacity")),
        shown("percent_capacity_remaining", "float"),
        *(shown(n, "integer") for n in ("jobs_running", "max_concurrent_jobs", "max_forks", "jobs_total", "instances")),
        shown("is_container_group", "boolean"),
        shown("credential", "id"),
        *(shown(n, "integer") for n in ("policy_instance_percentage", "policy_instance_minimum")),
        shown("policy_instance_list", "list"),
        shown("pod_spec_override"),
    ),
    searched=("name",),
    natural="name",
)

CREDENTIAL_TYPE = Resource(
    "credential_types",
    "credential_type",
    "CredentialType",
    (
        *HEAD[:-2],
        *(time(name, is_column=False) for name in ("created", "modified")),
        *(Field(name) for name in ("name", "description", "kind", "namespace")),
        flag("managed"),
        *(shown(name, "json") for name in ("inputs", "injectors")),
    ),
    natural="name",
)

INSTANCE = Resource(
    "instances",
    "instance",
    "Instance",
    (
        *HEAD,
        Field("hostname"),
        shown("uuid"),
        time("last_seen"),
        *(time(n, is_column=False) for n in ("health_check_started", "last_health_check")),
        shown("health_check_pending", "boolean"),
        shown("errors"),
        Field("capacity_adjustment", "decimal", is_written=True, minimum=0, maximum=1),
        Field("version"),
        *(shown(n, "integer") for n in ("capacity", "consumed_capacity")),
        shown("percent_capacity_remaining", "float"),
        *(shown(n, "integer") for n in ("jobs_running", "jobs_total")),
        Field("cpu", "decimal"),
        number("memory"),
        *(shown(n, "integer") for n in ("cpu_capacity", "mem_capacity")),
        Field("enabled", "boolean", is_written=True),
        shown("managed_by_policy", "boolean"),
        Field(
            "node_type", "choice", choices=tuple((n, n.capitalize()) for n in ("hybrid", "control", "execution", "hop"))
        ),
        shown("node_state", "choice"),
        shown("managed", "boolean"),
        shown("ip_address"),
        *(shown(n, "list") for n in ("peers", "reverse_peers")),
        shown("listener_port", "integer"),
        shown("peers_from_control_nodes", "boolean"),
        shown("protocol"),
    ),
    searched=("hostname",),
    natural="hostname",
)
