# SPDX-License-Identifier: Apache-2.0
"""What a resource of the API is: its fields, in the order in which they are shown, and what they lead to."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TEXTS", "Field", "Resource"]

TEXTS = frozenset({"string", "choice"})
"""The kinds of fields that hold text."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of an object.

    :param kind: AWX's word for its type: string integer boolean float decimal datetime choice id json object list
        field.
    :param target: the type of the objects that an ``id`` is of.
    :param is_column: it may be filtered and sorted by.
    :param is_shown: it is among what is sent; what is not can be filtered by all the same.
    :param is_written: it may be given.
    :param of: the type of what is in a list or json, for OPTIONS.
    """

    name: str
    kind: str = "string"
    label: str = ""
    help: str = ""
    target: str = ""
    is_column: bool = True
    is_shown: bool = True
    is_written: bool = False
    is_required: bool = False
    is_detail: bool = False
    is_nullable: bool = False
    is_blank: bool = True
    default: Any = None
    choices: tuple[tuple[Any, str], ...] = ()
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None

    @property
    def title(self) -> str:
        """What a form calls it."""
        return self.label or self.name.replace("_", " ").capitalize()


@dataclasses.dataclass(frozen=True)
class Resource:
    """A kind of objects with a list of its own.

    :param name: the list's name below ``/api/v2/``.
    :param type: what one of them is called in its ``type``.
    :param model: what Django calls it, in messages.
    :param searched: the fields that ``search`` looks into.
    :param order: the fields by which a list is sorted at last.
    :param many: relations to many others, by name, with their type.
    :param refused: fields that nobody may filter by.
    """

    name: str
    type: str
    model: str
    fields: tuple[Field, ...]
    searched: tuple[str, ...] = ("name", "description")
    order: tuple[str, ...] = ("id",)
    many: Mapping[str, str] = dataclasses.field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    is_root: bool = True
    natural: str = ""

    def field(self, name: str) -> Field | None:
        """Return a field."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def written(self) -> tuple[Field, ...]:
        """The fields that may be given."""
        return tuple(field for field in self.fields if field.is_written)
