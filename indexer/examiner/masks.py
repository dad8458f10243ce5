"""Who is masked, as the worker's side keeps it: for the examiner, and for answers on their way.

A mask ends with a gallery that was read after it. A medium that was handed over before it may still
be answered after that gallery: whoever was masked meanwhile is left out there all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from indexer.observations import Examination


class Masks:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._hidden: frozenset[str] = frozenset()
        self._to_send: frozenset[str] = frozenset()
        self._meanwhile: dict[object, frozenset[str]] = {}

    @property
    def hidden(self) -> frozenset[str]:
        """Everybody who is masked now."""
        return self._hidden

    @property
    def is_sent(self) -> bool:
        """Whether the examiner was told of all of them."""
        return not self._to_send

    def hide(self, person_ref: str) -> None:
        """Mask somebody, also for what is under way."""
        with self._turn:
            self._hidden |= {person_ref}
            self._to_send |= {person_ref}
            self._meanwhile = {
                each: people | {person_ref} for each, people in self._meanwhile.items()
            }

    def end(self, people: frozenset[str]) -> None:
        """A gallery without masks is loaded, read when these were masked: the others stay so."""
        with self._turn:
            self._hidden -= people
            self._to_send = self._hidden

    def send_again(self) -> None:
        """The examiner knows of no mask."""
        with self._turn:
            self._to_send = self._hidden

    def take_unsent(self) -> frozenset[str]:
        """Those of whom the examiner is to be told; they count as sent from now on."""
        with self._turn:
            unsent, self._to_send = self._to_send, frozenset()
        return unsent

    @contextmanager
    def under_way(self) -> Iterator[object]:
        """Something is handed over: for `of`, which says who may not be in its answer."""
        each = object()
        with self._turn:
            self._meanwhile[each] = frozenset()
        try:
            yield each
        finally:
            with self._turn:
                del self._meanwhile[each]

    def of(self, each: object) -> frozenset[str]:
        """Everybody who is masked now, or was at any time since this was handed over."""
        with self._turn:
            return self._hidden | self._meanwhile[each]


def without_people(examination: Examination, masked: frozenset[str]) -> Examination:
    """The same, without people who were masked while the medium was looked at."""
    if not any(finding.person_ref in masked for finding in examination.findings):
        return examination
    return msgspec.structs.replace(
        examination,
        findings=tuple(
            finding for finding in examination.findings if finding.person_ref not in masked
        ),
    )
