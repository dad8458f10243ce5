"""`likeness exhibit`: verify a sealed bundle offline, and show the key that receivers pin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from service.accounts.actor import Actor
from service.command_context import rooms_of
from service.exhibits.container import MAX_BUNDLE_BYTES
from service.exhibits.errors import BundleFileError, BundleRefusedError
from service.exhibits.trust import Trust, grouped
from service.exhibits.verify import Verification, verify_bundle
from service.exhibits.visible_text import visible_line

app = typer.Typer()
_exhibit = typer.Typer(name="exhibit", help="Sealed evidence.", no_args_is_help=True)
app.add_typer(_exhibit)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@_exhibit.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="The bundle (ZIP).")],
    trust: Annotated[
        list[str] | None,
        typer.Option(
            "--trust",
            help="Fingerprint of a signer whom you trust, or a file of keys; may be repeated.",
        ),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Verify a bundle, offline. Exit 0 trusted, 3 intact, signer unknown, 1 broken, 2 no file."""
    verification = verify_bundle(_content(file), Trust.parse(trust or []))
    typer.echo(_as_json(verification) if as_json else _in_words(verification))
    raise typer.Exit(verification.exit_code)


@_exhibit.command("trust")
def show_trust(context: typer.Context, as_json: _AsJson = False) -> None:
    """Show the fingerprint of this installation's key, for receivers to pin."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        organisation = rooms.accounts.default_organisation(session)
        actor = Actor.system("show the signer", organisation.id)
        signer = rooms.exhibits.signer(session, actor)
    if as_json:
        shown = {
            "organisation": signer.organisation,
            "fingerprint": signer.fingerprint,
            "pem": signer.pem,
        }
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo(f"{signer.organisation}\n{grouped(signer.fingerprint)}\n{signer.pem}", nl=False)


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_BUNDLE_BYTES:
            raise BundleRefusedError(f"{file} is larger than {MAX_BUNDLE_BYTES} bytes: refused")
        return file.read_bytes()
    except OSError as error:
        raise BundleFileError(f"{file} cannot be read: {error.strerror}") from error


def _as_json(verification: Verification) -> str:
    manifest = verification.manifest
    return json.dumps(
        {
            "outcome": verification.outcome.value,
            "exit_code": verification.exit_code,
            "words": verification.words,
            "files_checked": verification.files_checked,
            "defects": [
                {"code": one.code, "subject": one.subject, "message": one.message}
                for one in verification.defects
            ],
            "signer_fingerprint": manifest.signer.fingerprint if manifest else None,
            "signer_claims_to_be": manifest.signer.organisation if manifest else None,
            "exhibit_id": manifest.exhibit_id if manifest else None,
            "version": manifest.version if manifest else None,
            "created_at": manifest.created_at if manifest else None,
            "trusted_time": manifest.trusted_time.state if manifest else None,
            "notes": list(manifest.notes) if manifest else [],
        },
        indent=2,
    )


def _in_words(verification: Verification) -> str:
    """For a terminal: a bundle's own text is made visible, it may try to draw."""
    lines = [verification.words]
    lines += [
        f"  - {visible_line(one.subject)}: {visible_line(one.message)} [{one.code}]"
        for one in verification.defects
    ]
    manifest = verification.manifest
    if manifest is not None:
        lines += [
            f"Signer:   {visible_line(grouped(manifest.signer.fingerprint))}",
            f"          calls itself {visible_line(manifest.signer.organisation)}",
            f"Exhibit:  {visible_line(manifest.exhibit_id)}, version {manifest.version}",
            f"Sealed:   {visible_line(manifest.created_at)} (the signer's own clock)",
            f"Files:    {verification.files_checked} checked",
        ]
        lines += [f"Note:     {visible_line(note)}" for note in manifest.notes]
    return "\n".join(lines)
