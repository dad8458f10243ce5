"""What kinds of servers and programmes hashes can come from and be handed to.

Each says what it holds, who may submit to it, what can be taken back, and where and when this was
read. What was not read in the primary text says so. Programmes to which only the person may submit
are not here: `service.enrolment.own_services` names them, and nobody hashes or submits for anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from service.errors import InvalidInputError
from service.hashbank.exchange.signals import HashKind

Form = Literal["text", "csv", "push"]
ENTITLEMENT_STATEMENT: Final = (
    "I checked the agreement or terms named here. They entitle our organisation to use these "
    "hashes in this way, and nobody else."
)
EXPORT_STATEMENT: Final = (
    "I checked the agreement or terms named here. This programme takes hashes from organisations "
    "such as ours, about adults, and I named truly who runs it."
)


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One part of a connection's credentials, with its word on the form."""

    key: str
    label: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class KindOfConnection:
    """One kind of server or programme.

    `environments` are its fixed places; without any, an address is asked for when `has_address`.
    `forms` are the ways in which it takes hashes (none: it only gives), `takes` which hashes.
    `removal` says in words what becomes of hashes that were handed over when consent is withdrawn;
    `removes_by_call` when we can take them back ourselves.
    """

    key: str
    name: str
    holds: tuple[HashKind, ...]
    who_may_submit: str
    terms_url: str
    source: str
    checked_on: date
    verified: bool
    has_address: bool = False
    environments: tuple[str, ...] = ()
    credentials: tuple[CredentialField, ...] = ()
    selection: str = ""
    selection_required: bool = False
    gives: bool = True
    takes: tuple[HashKind, ...] = ()
    forms: tuple[Form, ...] = ()
    removal: str = ""
    removes_by_call: bool = False
    minors_only: bool = False


_READ: Final = date(2026, 11, 23)

KINDS: Final[tuple[KindOfConnection, ...]] = (
    KindOfConnection(
        key="hma",
        name="Hasher-Matcher-Actioner server",
        holds=("pdq", "md5"),
        who_may_submit="Whoever its operator lets in, by agreement.",
        terms_url="https://github.com/facebook/ThreatExchange",
        source="the source of its API (curation, matching)",
        checked_on=_READ,
        verified=True,
        has_address=True,
        credentials=(CredentialField("token", "Access token", required=False),),
        selection="Bank",
        selection_required=True,
        takes=("pdq", "md5"),
        forms=("push", "text", "csv"),
        removal="We delete from its bank what we added. What was matched or copied onward "
        "meanwhile is beyond our reach.",
        removes_by_call=True,
    ),
    KindOfConnection(
        key="ncmec",
        name="NCMEC hash sharing",
        holds=("pdq", "md5"),
        who_may_submit="Organisations that NCMEC has admitted; about children only.",
        terms_url="https://report.cybertip.org/hashsharing/v2/documentation.pdf",
        source="the threatexchange library's own client",
        checked_on=_READ,
        verified=False,
        environments=(
            "NGO",
            "Industry",
            "Industry_Exploitative",
            "Exploitative",
            "NGO_Generative_AI",
            "NGO_Generative_AI_Exploitative",
            "test_NGO",
            "test_Industry",
        ),
        credentials=(CredentialField("user", "User"), CredentialField("password", "Password")),
        minors_only=True,
    ),
    KindOfConnection(
        key="stopncii",
        name="StopNCII.org",
        holds=("pdq", "md5"),
        who_may_submit="The depicted person alone, at stopncii.org; participating companies fetch.",
        terms_url="https://stopncii.org/",
        source="stopncii.org (frequent questions); the threatexchange library's own client",
        checked_on=_READ,
        verified=False,
        credentials=(
            CredentialField("subscription_key", "Subscription key"),
            CredentialField("fetch_function_key", "Key for fetching hashes"),
        ),
    ),
    KindOfConnection(
        key="fb_threatexchange",
        name="Meta ThreatExchange",
        holds=("pdq", "md5", "sha256"),
        who_may_submit="Organisations that Meta has admitted, into a privacy group of theirs.",
        terms_url="https://developers.facebook.com/programs/threatexchange",
        source="the threatexchange library's own client",
        checked_on=_READ,
        verified=False,
        credentials=(CredentialField("api_token", "Access token of the app"),),
        selection="Privacy group",
        selection_required=True,
        takes=("pdq", "sha256"),
        forms=("text", "csv"),
        removal="We make a file with which the advocates’ organisation deletes them in the "
        "programme’s own tools. Members that fetched them before may keep them for a time.",
    ),
    KindOfConnection(
        key="partner",
        name="Partner by agreement (file)",
        holds=("pdq", "sha256"),
        who_may_submit="The organisation that agreed on it with the partner.",
        terms_url="",
        source="the agreement itself",
        checked_on=_READ,
        verified=False,
        gives=False,
        takes=("pdq", "sha256"),
        forms=("text", "csv"),
        removal="We make a file that names what has to be deleted, and the advocates’ organisation "
        "hands it over. Whether and when the partner follows is in their hands.",
    ),
)


def kind_of(key: str) -> KindOfConnection:
    """The kind called `key`, or `InvalidInputError`."""
    for kind in KINDS:
        if kind.key == key:
            return kind
    raise InvalidInputError("Kind: choose one of the kinds that are offered.")
