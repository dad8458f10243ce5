"""Small rules on who may do what with accounts."""

from __future__ import annotations

from service.accounts.actor import Actor, Role
from service.accounts.models import Account
from service.errors import NotAllowedError


def require_operator(actor: Actor) -> None:
    """Refuse everybody but an operator."""
    if actor.role is not Role.OPERATOR:
        raise NotAllowedError("Only an operator may do this.")


def actor_for(account: Account) -> Actor:
    """An account as who acts, before it has a session."""
    return Actor(Role(account.role), account.organisation_id, account_id=account.id)
