# SPDX-License-Identifier: Apache-2.0
"""Sizes as people type them."""

from __future__ import annotations

import re

__all__ = ["EXAMPLES", "size_of"]

EXAMPLES = "500M, 20G or 1.5TiB"
_MOST = 2**63 - 1
_SIZE = re.compile(r"[0-9]*\.?[0-9]+ *[A-Za-z]*")


def size_of(text: str) -> int:
    """Return the bytes of a size: ``500M`` and ``20G`` count in powers of 1000, ``20Gi`` and ``20GiB`` of 1024.

    :raises ValueError: it is none, or more than a database can take.
    """
    from pydantic import ByteSize, TypeAdapter

    try:
        # Pydantic takes no notice of what comes behind the unit, and knows GiB alone.
        found = TypeAdapter(ByteSize).validate_python(re.sub("i$", "iB", text)) if _SIZE.fullmatch(text) else None
    except (ValueError, OverflowError):
        found = None
    if found is None or found > _MOST:
        raise ValueError(f"{text!r} is no size such as {EXAMPLES}")
    return int(found)
