"""The eyes as the service sees them: what may be asked of the examiner, and nothing more.

The real implementation is `service.work.eyes`, which talks to the examiner process; tests
bring their own. Nothing here can return a probe: the only answers are the examiner's messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from indexer.examiner.protocol import Enrolled, Hashed
from indexer.observations import Examination, ModelStamp


class Eyes(Protocol):
    """Everything that looks at pictures. Slow: call it before the first SQL of a unit of work."""

    @property
    def model(self) -> ModelStamp | None:
        """The loaded pack, or None when face matching is off on this installation."""
        ...

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        """Make a template of a reference photo; `others` are this person's earlier vectors."""
        ...

    def hash(self, content: bytes) -> Hashed:
        """Only the hashes of a picture; no face model is involved."""
        ...

    def examine(
        self,
        content: bytes,
        *,
        declared_type: str | None,
        media_url: str | None,
        page_url: str | None,
        only_person: str | None,
        with_faces: bool,
        run: str | None = None,
    ) -> Examination:
        """Look at one medium; `only_person` restricts the comparison to one verified case.

        Faces of media of one crawl run may be compared together: `run` is its key, None for a
        medium that belongs to none (design rule 1).

        `with_faces` False keeps every face model away from it: the switch is each organisation's
        own, and each person's (design rule 11).
        """
        ...

    def mask_person(self, person_ref: str) -> None:
        """Never match this person again until the next gallery is loaded."""
        ...

    def follow_gallery(self) -> None:
        """Load the gallery anew when it has changed since the last time."""
        ...
