"""Nothing but ids, counts and moments gets into the tables of the durable engine."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.observations import ModelStamp
from service.work.errors import NotForWorkTablesError, WorkFailedError
from service.work.serializer import IdsAndCounts

ALLOWED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.uuids().map(str),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["count", "held"]), inner),
    max_leaves=10,
)


@given(ALLOWED)
def test_ids_and_counts_come_back_as_they_were(value: object) -> None:
    serializer = IdsAndCounts()
    assert serializer.deserialize(serializer.serialize(value)) == value


def test_a_moment_comes_back_with_its_zone() -> None:
    serializer = IdsAndCounts()
    inputs = {"args": (datetime(2027, 3, 1, tzinfo=UTC), None), "kwargs": {}}
    back = serializer.deserialize(serializer.serialize(inputs))
    assert back["args"] == [datetime(2027, 3, 1, tzinfo=UTC), None]


@pytest.mark.parametrize(
    "value",
    [
        "https://forum.example/start",
        "forum.example",
        "Anna Example",
        "anna@example.org",
        "a sentence with words",
        b"bytes",
        uuid.uuid4(),
        ModelStamp("pack", "digest", 1),
        [0.1] * 1001,
        {"url": "http://x/"},
        {"Not a code": 1},
        object(),
    ],
)
def test_everything_else_is_refused(value: object) -> None:
    with pytest.raises(NotForWorkTablesError) as caught:
        IdsAndCounts().serialize(value)
    assert "forum" not in str(caught.value)
    assert "Anna" not in str(caught.value)


def test_of_an_exception_only_its_name_is_kept() -> None:
    serializer = IdsAndCounts()
    written = serializer.serialize(ValueError("https://forum.example/ Anna"))
    assert json.loads(written) == {"~exception": "ValueError"}
    back = serializer.deserialize(written)
    assert isinstance(back, WorkFailedError)
    assert serializer.serialize(back) == written
