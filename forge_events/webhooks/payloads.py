# SPDX-License-Identifier: Apache-2.0
"""What a sender says has happened: to which branch or tag, at which commit, and whether that is there at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_SIZE", "Malformed", "What", "parsed", "what_of"]

MAX_SIZE = 1024 * 1024
"""Bytes of the largest body."""

_DEPTH = 60
_BRANCH, _TAG = "refs/heads/", "refs/tags/"


class Malformed(ValueError):
    """A body is nothing that a sender sends."""


class What(NamedTuple):
    """What has happened; what is not known, or does not apply, is empty.

    :param ref: the commit, or the tag of a release, as AWX has it in ``awx_webhook_event_ref``.
    :param branch: that was pushed to, or that a pull request goes to.
    :param action: what was done to a pull request, a release and the like.
    :param is_deleted: the branch or tag is gone.
    :param is_fork: it comes from somebody else's copy of the repository.
    :param status_api: the URL at which the commit's status may be set.
    """

    ref: str = ""
    branch: str = ""
    tag: str = ""
    action: str = ""
    is_deleted: bool = False
    is_fork: bool = False
    status_api: str = ""


def parsed(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the JSON object of a body, or of the field ``payload`` of a form.

    :raises Malformed: it is none, or one that nobody would send: nested deeper than 60, with NaN, or not in UTF-8.
    """
    try:
        text = body.decode()
        if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            text = parse_qs(text, max_num_fields=10).get("payload", [""])[0]
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is no JSON") from error
    if not isinstance(found, dict):
        raise Malformed("the body is no JSON object")
    _check_depth(found)
    return found


def what_of(service: str, event: str, payload: dict[str, Any]) -> What:
    """Return what has happened, as far as a payload says it."""
    return _READERS[service](event, payload)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _check_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return
    raise Malformed(f"the body is nested deeper than {_DEPTH}")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for part in value.values() if isinstance(part, (dict, list))]
    return [part for part in value if isinstance(part, (dict, list))]


def _github(event: str, payload: dict[str, Any]) -> What:
    action = _text(payload, "action")
    pull = payload.get("pull_request")
    if isinstance(pull, dict):
        return What(
            ref=_text(pull, "head", "sha"),
            branch=_text(pull, "base", "ref"),
            action=action,
            is_fork=_text(pull, "head", "repo", "full_name") != _text(pull, "base", "repo", "full_name"),
            status_api=_text(pull, "statuses_url"),
        )
    if event in ("create", "delete"):
        kind, name = _text(payload, "ref_type"), _text(payload, "ref")
        return What(
            ref=name,
            branch=name if kind == "branch" else "",
            tag=name if kind == "tag" else "",
            is_deleted=event == "delete",
        )
    if event == "release":
        tag = _text(payload, "release", "tag_name")
        return What(ref=tag, tag=tag, action=action)
    what = _pushed(payload)
    statuses = _text(payload, "repository", "statuses_url")
    return what._replace(action=action, status_api=statuses.replace("{sha}", what.ref) if what.ref else "")


def _gitlab(event: str, payload: dict[str, Any]) -> What:
    merge = payload.get("object_attributes")
    if event == "Merge Request Hook" and isinstance(merge, dict):
        return What(
            ref=_text(merge, "last_commit", "id"),
            branch=_text(merge, "target_branch"),
            action=_text(merge, "action"),
            is_fork=merge.get("source_project_id") != merge.get("target_project_id"),
        )
    return _pushed(payload)


def _bitbucket(event: str, payload: dict[str, Any]) -> What:
    pull = payload.get("pullRequest")
    if isinstance(pull, dict):
        origin, target = pull.get("fromRef"), pull.get("toRef")
        return What(
            ref=_text(pull, "fromRef", "latestCommit"),
            branch=_text(pull, "toRef", "displayId"),
            action=event.partition(":")[2],
            is_fork=_inside(origin, "repository", "id") != _inside(target, "repository", "id"),
        )
    changes = payload.get("changes")
    first = changes[0] if isinstance(changes, list) and changes else None
    name, kind = _text(first, "ref", "displayId"), _text(first, "ref", "type")
    return What(
        ref=_text(first, "toHash"),
        branch=name if kind == "BRANCH" else "",
        tag=name if kind == "TAG" else "",
        is_deleted=_text(first, "type") == "DELETE",
    )


def _pushed(payload: dict[str, Any]) -> What:
    ref, after = _text(payload, "ref"), _text(payload, "after")
    return What(
        ref=after,
        branch=ref.removeprefix(_BRANCH) if ref.startswith(_BRANCH) else "",
        tag=ref.removeprefix(_TAG) if ref.startswith(_TAG) else "",
        is_deleted=payload.get("deleted") is True or (bool(after) and not after.strip("0")),
    )


def _generic(event: str, payload: dict[str, Any]) -> What:
    del event  # a stranger's word
    return _pushed(payload)._replace(action=_text(payload, "action"))


def _inside(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any, *path: str) -> str:
    found = _inside(value, *path)
    return found if isinstance(found, str) else ""


_READERS: dict[str, Callable[[str, dict[str, Any]], What]] = {
    "github": _github,
    "gitea": _github,
    "gitlab": _gitlab,
    "bitbucket_dc": _bitbucket,
    "generic": _generic,
}
