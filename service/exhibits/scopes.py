"""Where a capture may go: the scope of the site that the find is from, or of the pasted addresses.

A pasted page and its medium may be on different hosts; both are exactly those that the person
named, and nothing else.
"""

from __future__ import annotations

import uuid
from typing import Protocol

import msgspec
from sqlalchemy.orm import Session

from indexer.crawl.messages import Scope
from service.accounts.actor import Actor
from service.errors import NotFoundError
from service.exhibits.finds import Find
from service.sources.views import RunView


class Sites(Protocol):
    """`service.sources.service.SourcesService`, as far as captures need it."""

    def run(self, session: Session, actor: Actor, run_id: uuid.UUID) -> RunView:
        """One run with its site."""
        ...

    def scope(self, session: Session, actor: Actor, site_id: uuid.UUID) -> Scope:
        """Where a run of the site may go."""
        ...

    def intake_scope(self, url: str) -> Scope:
        """The scope of one pasted link: its exact host."""
        ...


class SourceScopes:
    """Implements `Scopes` with the sources' room."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    def of_find(self, session: Session, find: Find) -> Scope:
        """The site's scope for what a run found, the exact hosts for what a person named."""
        if find.run_id is not None:
            owner = Actor.system("capture", find.organisation_id)
            try:
                run = self._sites.run(session, owner, find.run_id)
                return self._sites.scope(session, owner, run.site_id)
            except NotFoundError:
                return self._of_addresses(find)
        return self._of_addresses(find)

    def _of_addresses(self, find: Find) -> Scope:
        scopes = [self._sites.intake_scope(address) for address in find.addresses]
        hosts = tuple(dict.fromkeys(host for scope in scopes for host in scope.allowed_hosts))
        return msgspec.structs.replace(scopes[0], allowed_hosts=hosts)
