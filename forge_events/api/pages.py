# SPDX-License-Identifier: Apache-2.0
"""Pages of lists, with links to the next and the previous one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from forge_events.api.refusals import detail

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_SIZE", "Paging", "page_of", "paging_of"]

MAX_SIZE, _SIZE, _LARGEST = 200, 25, 2**40


class Paging(NamedTuple):
    """Which page is wanted.

    :param is_limited: it is the beginning alone, and there are no other pages.
    """

    number: int = 1
    size: int = _SIZE
    is_counted: bool = True
    is_limited: bool = False

    @property
    def offset(self) -> int:
        """How many objects come before it."""
        return (self.number - 1) * self.size


def paging_of(parameters: Sequence[tuple[str, str]], *, most: int = MAX_SIZE, usual: int = _SIZE) -> Paging:
    """Return which page the parameters of a URL ask for.

    :param most: how many objects ``limit`` may ask for.
    :raises Refusal: there can be no such page.
    """
    given = dict(parameters)
    if "limit" in given:
        return Paging(1, min(_positive(given["limit"]) or _SIZE, most), is_counted=False, is_limited=True)
    size = min(_positive(given.get("page_size", "")) or (usual if "page_size" not in given else _SIZE), MAX_SIZE)
    if "page_size" not in given:
        size = usual
    number = _positive(given.get("page", "1"))
    if not number:
        raise detail(404, "Invalid page.")
    return Paging(number, size, is_counted="count_disabled" not in given)


def page_of(
    path: str, parameters: Sequence[tuple[str, str]], paging: Paging, results: Sequence[Any], total: int | None
) -> dict[str, Any]:
    """Return a page as it is sent."""
    if paging.is_limited:
        return {"results": results}
    if total is None:
        has_more = len(results) > paging.size
        results = results[: paging.size]
    else:
        has_more = paging.offset + paging.size < total
    if paging.number > 1 and not results:
        raise detail(404, "Invalid page.")
    following = _link(path, parameters, paging, paging.number + 1) if has_more else None
    previous = _link(path, parameters, paging, paging.number - 1) if paging.number > 1 else None
    counted = {} if total is None else {"count": total}
    return {**counted, "next": following, "previous": previous, "results": results}


def _link(path: str, parameters: Sequence[tuple[str, str]], paging: Paging, number: int) -> str:
    kept = [(key, value) for key, value in parameters if key not in ("page", "page_size")]
    if any(key == "page_size" for key, _ in parameters):
        kept.append(("page_size", str(paging.size)))
    return f"{path}?{urlencode(sorted([*kept, ('page', str(number))]), errors='replace')}"


def _positive(text: str) -> int:
    """Return a number from 1 on, or 0 for anything else."""
    return min(int(text), _LARGEST) if text.isascii() and text.isdecimal() and len(text) < 30 else 0
