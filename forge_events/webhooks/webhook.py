# SPDX-License-Identifier: Apache-2.0
"""A webhook of a job template: who may send to it, and which of what is sent launches a job."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations of the models
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

from jinja2 import Environment, TemplateSyntaxError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forge_events.errors import InvalidLaunch
from forge_events.launches import refused
from forge_events.notices import rendering
from forge_events.webhooks.senders import PUSH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forge_events.webhooks.payloads import What

__all__ = ["Webhook", "variables_of", "why_not"]

_SECONDS = 5.0
Patterns = list[Annotated[str, Field(min_length=1, max_length=255)]]


class Webhook(BaseModel):
    """What a template is launched by.

    :param id: 0 before it is stored.
    :param service: one of :data:`forge_events.webhooks.senders.SERVICES`; a template has one webhook of each.
    :param events: the sender's words for what launches; without any, a push, and of a generic sender everything.
    :param branches: patterns of the shell, one of which has to match the branch; ``tags`` the same of a tag. Where one
        of the two is given, what has neither such a branch nor such a tag launches nothing.
    :param actions: what may have been done to a pull request and the like; without any, everything.
    :param when: an expression of Jinja over ``payload``, ``event``, ``branch``, ``tag``, ``ref`` and ``action``.
    :param takes_forks: pull requests from copies of the repository, which anybody can make, launch as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: int = 0
    template_id: int
    service: str
    events: Patterns = []
    branches: Patterns = []
    tags: Patterns = []
    actions: Patterns = []
    when: Annotated[str, Field(max_length=2000)] = ""
    takes_forks: bool = False
    enabled: bool = True
    created: datetime.datetime
    modified: datetime.datetime

    @classmethod
    def of(cls, **fields: Any) -> Webhook:
        """Return a webhook.

        :raises InvalidLaunch: a field is unknown or has a value that cannot be, or its condition cannot be read.
        """
        try:
            made = cls(**fields)
            if made.when:
                Environment(autoescape=True).compile_expression(made.when)
        except ValidationError as error:
            raise refused(error) from None  # pydantic's own words quote the value
        except TemplateSyntaxError as error:
            raise InvalidLaunch("when", f"it is no expression of Jinja: {error.message}") from None
        return made


def why_not(webhook: Webhook, event: str, what: What, payload: dict[str, Any]) -> str:
    """Return why a delivery launches nothing; empty if it does."""
    reason = next(_reasons(webhook, event, what), "")
    return reason or (_unless(webhook.when, event, what, payload) if webhook.when else "")


def _reasons(webhook: Webhook, event: str, what: What) -> Iterator[str]:
    wanted = webhook.events or PUSH[webhook.service]
    if not webhook.enabled:
        yield "the webhook is disabled"
    if wanted and event not in wanted:
        yield f"the event {event!r} is not wanted"
    if what.is_deleted:
        yield "what it tells of was deleted"
    if what.is_fork and not webhook.takes_forks:
        yield "it comes from a fork"
    if webhook.actions and what.action not in webhook.actions:
        yield f"the action {what.action!r} is not wanted"
    is_there = _matches(what.branch, webhook.branches) or _matches(what.tag, webhook.tags)
    if (webhook.branches or webhook.tags) and not is_there:
        yield f"{_where(what)} is not wanted"


def variables_of(event: str, guid: str, what: What, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a job that a webhook launches, by AWX's names and by Tower's."""
    found = {
        "webhook_event_type": event,
        "webhook_event_guid": guid,
        "webhook_event_ref": what.ref,
        "webhook_status_api": what.status_api,
        "webhook_payload": payload,
    }
    # The payload once: Tower's name for it would double what is stored.
    return {f"awx_{name}": value for name, value in found.items()} | {
        f"tower_{name}": value for name, value in found.items() if name != "webhook_payload"
    }


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return bool(name) and any(fnmatchcase(name, pattern) for pattern in patterns)


def _where(what: What) -> str:
    if what.branch:
        return f"the branch {what.branch!r}"
    return f"the tag {what.tag!r}" if what.tag else "what has no branch and no tag"


def _unless(expression: str, event: str, what: What, payload: dict[str, Any]) -> str:
    facts = {
        "event": event,
        "branch": what.branch,
        "tag": what.tag,
        "ref": what.ref,
        "action": what.action,
        "payload": payload,
    }
    made = rendering.render(f"{{% if {expression} %}}yes{{% else %}}no{{% endif %}}", facts, limit=_SECONDS)
    if made.reason:
        return f"its condition cannot be told: {made.reason}"
    return "" if made.text.strip() == "yes" else "its condition does not hold"
