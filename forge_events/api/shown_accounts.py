# SPDX-License-Identifier: Apache-2.0
"""Users and their tokens as they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.wire import time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.api.calls import Call

__all__ = ["show_users"]


def show_users(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return users; a password is never among what is sent."""
    del is_detail
    return [_user(row, is_own=row["id"] == call.principal.user.id, is_admin=call.principal.is_admin) for row in rows]


def _user(row: dict[str, Any], *, is_own: bool, is_admin: bool) -> dict[str, Any]:
    url = f"/api/v2/users/{row['id']}/"
    capabilities = {"edit": is_admin or is_own, "delete": is_admin and not is_own}
    return {
        "id": row["id"],
        "type": "user",
        "url": url,
        "related": {
            "named_url": f"/api/v2/users/{row['username']}/",
            "personal_tokens": f"{url}personal_tokens/",
            "tokens": f"{url}tokens/",
            "organizations": f"{url}organizations/",
        },
        "summary_fields": {"user_capabilities": capabilities},
        "created": time_of(row["created"]),
        "modified": time_of(row["modified"]),
        **{name: row[name] for name in ("username", "first_name", "last_name", "email", "is_superuser")},
        "is_system_auditor": row["is_system_auditor"],
        "password": "$encrypted$",
        "ldap_dn": "",
        "last_login": time_of(row["last_login"]),
        "external_account": None,
        "auth": [],
    }
