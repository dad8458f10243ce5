"""One question to an examiner process, from its sending to its answer.

Whoever waits longer than agreed ends the process while the question is still under way, so that
others who wait know that they were not alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from indexer.errors import WireError
from indexer.examiner.conversations import Conversation
from indexer.examiner.errors import ExaminerRefusedError
from indexer.examiner.process import ExaminerProcess
from indexer.examiner.protocol import (
    MAX_REFERENCES,
    Enrol,
    Examine,
    ExaminerInbound,
    ExaminerOutbound,
    Failed,
    Hash,
    Reference,
    References,
    ReferenceSource,
    ReferencesWanted,
)

Answer = TypeVar("Answer", bound=ExaminerOutbound)


def ask(
    process: ExaminerProcess,
    conversation: Conversation,
    message: ExaminerInbound,
    timeout_s: float,
) -> ExaminerOutbound:
    """The answer to one message. Raises `WireError` when the examiner ended or took too long."""
    until_s = time.monotonic() + timeout_s
    try:
        process.say(conversation, message, until_s)
        return conversation.hear(until_s)
    except TimeoutError as error:
        raise _ended(process) from error


def look_at(
    process: ExaminerProcess,
    message: Examine | Enrol | Hash,
    kind: type[Answer],
    references: ReferenceSource | None,
    hidden: Callable[[], frozenset[str]],
    timeout_s: float,
) -> Answer:
    """Send one file and give references when asked, until the answer comes.

    Photos of `hidden` people are never given. Raises `WireError`, `ExaminerRefusedError`, and
    whatever `references` raised, once the examiner has its answer.
    """
    until_s = time.monotonic() + timeout_s
    broken: Exception | None = None
    with process.conversations.about(message.request_id) as conversation:
        process.say(conversation, message, until_s)
        try:
            answer = conversation.hear(until_s)
            while isinstance(answer, ReferencesWanted):
                found: Sequence[Reference] = ()
                if references is not None and answer.person_ref not in hidden():
                    try:
                        found = references.of(answer.person_ref)[:MAX_REFERENCES]
                    except Exception as error:  # noqa: BLE001 - raised again below
                        # The examiner waits for an answer; others look beside this one.
                        broken = error
                process.say(conversation, References(answer.request_id, tuple(found)), until_s)
                answer = conversation.hear(until_s)
        except TimeoutError as error:
            raise _ended(process) from error
    if broken is not None:
        raise broken
    if isinstance(answer, Failed):
        raise ExaminerRefusedError(answer.code, answer.message)
    if not isinstance(answer, kind):
        raise WireError(f"the examiner answered out of turn: {type(answer).__name__}")
    return answer


def _ended(process: ExaminerProcess) -> WireError:
    process.kill()
    process.conversations.wait_for_end()
    return WireError("the examiner took longer than it may")
