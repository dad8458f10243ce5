"""The links at the top of each page, by role."""

from __future__ import annotations

from dataclasses import dataclass

from service.accounts.actor import Actor, Role

_STANDS_ALONE = frozenset({"/", "/my"})
"""Pages whose path is the beginning of other links' paths."""


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One link: where to, and its word."""

    path: str
    word: str

    def is_here(self, path: str) -> bool:
        """Whether the page at `path` belongs to this link."""
        return path == self.path or (
            self.path not in _STANDS_ALONE and path.startswith(f"{self.path}/")
        )


_NOBODY = (
    NavigationItem("/", "Start"),
    NavigationItem("/sign-in", "My case"),
    NavigationItem("/help", "Help"),
)
_BY_ROLE = {
    Role.PERSON: (
        NavigationItem("/my", "My case"),
        NavigationItem("/my/photos", "Photos"),
        NavigationItem("/my/links", "Links"),
        NavigationItem("/my/finds", "Finds"),
        NavigationItem("/my/report", "Report"),
        NavigationItem("/help", "Help"),
    ),
    Role.ADVOCATE: (
        NavigationItem("/cases", "Cases"),
        NavigationItem("/candidates", "Candidates"),
        NavigationItem("/exhibits", "Exhibits"),
        NavigationItem("/notices", "Notices"),
        NavigationItem("/runs", "Runs"),
        NavigationItem("/found-from-lists", "From lists"),
        NavigationItem("/account", "Account"),
    ),
    Role.OPERATOR: (
        NavigationItem("/sites", "Sites"),
        NavigationItem("/runs", "Runs"),
        NavigationItem("/reports", "Reports"),
        NavigationItem("/hash-lists", "Hash lists"),
        NavigationItem("/candidates/halted", "To report"),
        NavigationItem("/resting-searches", "Resting"),
        NavigationItem("/accounts", "Accounts"),
        NavigationItem("/settings", "Settings"),
        NavigationItem("/audit", "Audit"),
        NavigationItem("/account", "Account"),
    ),
}


def navigation(actor: Actor | None) -> tuple[NavigationItem, ...]:
    """The links for whoever is asking."""
    return _NOBODY if actor is None else _BY_ROLE.get(actor.role, _NOBODY)
