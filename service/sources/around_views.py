"""What is told of looking around a find: host, counts and words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

_STATES = {
    "waiting": "waits until no other visit of this site goes on",
    "going_on": "going on",
    "done": "looked around",
    "blind": "could not look; that says nothing about what is there",
    "expired": "it could not be begun in time",
    "stopped": "stopped",
}
_REFUSED = {
    "no_page": "no page is known on which it is, so there is nothing to look around",
    "no_site": "this host is none of the sites that your organisation may visit, so nothing was "
    "looked at there. An operator can add it as a site",
    "out_of_scope": "this part of the site is outside the scope that was set for it, so nothing "
    "was looked at there. An operator can widen it",
}


@dataclass(frozen=True, slots=True)
class LookAroundView:
    """One host of one find."""

    candidate_id: uuid.UUID
    host: str
    state: str
    reason: str
    pages: int
    media: int
    candidates_found: int
    opened_at: datetime
    expires_at: datetime

    @property
    def words(self) -> str:
        """What became of it, for the advocate."""
        return _REFUSED[self.reason] if self.state == "refused" else _STATES[self.state]
