"""The only form in which the engine may keep anything: ids, counts, moments, short codes.

DBOS stores inputs, outputs, events and exceptions unencrypted. This serializer writes plain JSON
(never pickle), refuses every text that is not an id, a moment or a code, and keeps of an exception
its name alone, so that no address, name or vector can get into those tables.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from dbos import Serializer

from service.work.errors import NotForWorkTablesError, WorkFailedError

_EXCEPTION = "~exception"
_MOMENT = "~moment"
_ALLOWED_TEXT = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID
    r"|[a-z][a-z0-9_]{0,39}"  # a code
)
_MAX_ITEMS = 1000


class IdsAndCounts(Serializer):
    """JSON of ids and counts; everything else raises `NotForWorkTablesError`."""

    def name(self) -> str:
        """The name that is stored with each value."""
        return "likeness_ids_and_counts"

    def serialize(self, data: Any) -> str:
        """Write a value; an exception becomes its class's name."""
        return json.dumps(_plain(data), separators=(",", ":"))

    def deserialize(self, serialized_data: str) -> Any:
        """Read what `serialize` wrote; an exception becomes a `WorkFailedError`."""
        return _value(json.loads(serialized_data))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return {_MOMENT: value.isoformat()}
    if isinstance(value, BaseException):
        name = value.name if isinstance(value, WorkFailedError) else type(value).__name__
        return {_EXCEPTION: name}
    if isinstance(value, str):
        if _ALLOWED_TEXT.fullmatch(value) is None:
            raise NotForWorkTablesError("only ids and codes may be texts in durable work")
        return value
    if isinstance(value, list | tuple) and len(value) <= _MAX_ITEMS:
        return [_plain(item) for item in value]
    if isinstance(value, dict) and len(value) <= _MAX_ITEMS:
        return {_plain(key): _plain(item) for key, item in value.items()}
    raise NotForWorkTablesError(f"durable work cannot keep a {type(value).__name__}")


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_value(item) for item in plain]
    if isinstance(plain, dict):
        if set(plain) == {_EXCEPTION}:
            return WorkFailedError(str(plain[_EXCEPTION]))
        if set(plain) == {_MOMENT}:
            return datetime.fromisoformat(plain[_MOMENT])
        return {key: _value(item) for key, item in plain.items()}
    return plain
