"""Checks of what operators type: names, terms, and the statement that they are entitled."""

from __future__ import annotations

from service.accounts.actor import Actor, Role
from service.errors import InvalidInputError, NotAllowedError
from service.hashbank.exchange.errors import NotEntitledError

MAX_NAME = 80
MAX_TEXT = 4000


def require_operator(actor: Actor) -> Actor:
    """Lists and connections are set up by operators, or by a command on the server."""
    if actor.role not in (Role.OPERATOR, Role.SYSTEM) or actor.organisation_id is None:
        raise NotAllowedError("Only an operator may do this.")
    return actor


def one_line(field: str, text: str, *, most: int = MAX_NAME, required: bool = True) -> str:
    """Text without breaks or control characters, within its length."""
    tidy = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if required and not tidy:
        raise InvalidInputError(f"{field}: please fill it in.")
    if len(tidy) > most:
        raise InvalidInputError(f"{field}: at most {most} characters.")
    return tidy


def entitled(given_by: str, terms: str, signed_by: str, *, agreed: bool) -> tuple[str, str, str]:
    """Who gave it, on what terms, and who says that we are entitled. `NotEntitledError` else."""
    giver = " ".join(given_by.split())
    basis = terms.strip()
    name = " ".join(signed_by.split())
    if not giver:
        raise NotEntitledError("Given by: say who it comes from.")
    if not basis:
        raise NotEntitledError("Terms: say on what agreement or terms you use it.")
    if not agreed or not name:
        raise NotEntitledError(
            "Please tick the statement if it is true, and type your name under it."
        )
    for field, text, most in (
        ("Given by", giver, MAX_NAME * 2),
        ("Terms", basis, MAX_TEXT),
        ("Name", name, MAX_NAME),
    ):
        if len(text) > most:
            raise InvalidInputError(f"{field}: at most {most} characters.")
    return giver, basis, name
