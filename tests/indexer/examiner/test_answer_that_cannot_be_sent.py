"""An answer that cannot be put into words is a defect: it ends the process, nobody waits for it."""

from __future__ import annotations

import os
import threading
from typing import cast

import pytest

from indexer.examiner.protocol import (
    ExaminerInbound,
    ExaminerOutbound,
    Hash,
    Hashed,
    Hello,
)
from indexer.examiner.server import DEFECT, ExaminerChannel, ExaminerServer


def test_an_answer_that_cannot_be_encoded_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    class Unencodable:
        def __init__(self) -> None:
            self.script: list[ExaminerInbound] = [
                Hello(None, "", sandbox="off"),
                Hash(1, b"no picture"),
            ]

        def send(self, message: ExaminerOutbound) -> None:
            if isinstance(message, Hashed):
                raise TypeError("no such thing can be encoded")

        def receive(self) -> ExaminerInbound | None:
            if self.script:
                return self.script.pop(0)
            assert ended.wait(60)
            return None

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    ExaminerServer(cast("ExaminerChannel", Unencodable())).serve()
    assert codes == [DEFECT]
