"""What a page says of itself to machines (JSON-LD), object by object, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

MAX_NODES: Final = 10_000


def objects_of(block: str) -> Iterator[dict[str, Any]]:
    """All objects of one block, nested ones too; nothing of a block that is no JSON."""
    try:
        waiting: list[object] = [json.loads(block)]
    except (ValueError, RecursionError):
        return
    seen = 0
    while waiting and seen < MAX_NODES:
        node = waiting.pop()
        seen += 1
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            waiting.extend(value for value in node.values() if isinstance(value, dict | list))
            yield node
