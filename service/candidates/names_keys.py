"""Keyed HMACs of pages and sites on which names were found: they tell neither page nor name."""

from __future__ import annotations

import uuid

from service.vault import Vault


def page_key(vault: Vault, person_id: uuid.UUID, page_url: str) -> str:
    """The same for one person and one page (64 hex digits)."""
    return vault.lookup("page with a name", f"{person_id}\x00{page_url}")


def site_key(vault: Vault, person_id: uuid.UUID, name_id: str, site: str) -> str:
    """The same for one name of a person and one site (64 hex digits)."""
    return vault.lookup("site with a name", f"{person_id}\x00{name_id}\x00{site}")
