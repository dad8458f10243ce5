"""Content Credentials (C2PA): who signed, whether that holds, and what the manifest says was done.

No network: remote manifests and revocation look-ups are off. No trust list is configured, so a
sound signature by anyone reads "Valid", never "Trusted": whose it is stays for the reader to judge.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import c2pa

from indexer.media.declared.source_type import says_generated, source_term
from indexer.media.sniff import sniff
from indexer.observations import DeclaredFact

_SETTINGS: Final = {
    "verify": {
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
        "verify_after_reading": True,
    },
}
_MAX_ANCESTORS = 8
_MAX_ACTIONS = 24
_MAX_MANIFEST_CHARS = 4 * 1024 * 1024


def read_content_credentials(content: bytes) -> Iterable[DeclaredFact]:
    """Facts of the active manifest, and of the pictures that it says this one was made from."""
    # Every manifest store is a JUMBF box with this label: most files are spared the parser.
    if b"c2pa" not in content:
        return []
    sniffed = sniff(content)
    mime_type = sniffed.mime_type if sniffed is not None else None
    context = c2pa.Context.from_dict(_SETTINGS)
    try:
        reader = c2pa.Reader(mime_type, io.BytesIO(content), context=context)
    except c2pa.C2paError.ManifestNotFound:
        return []
    except c2pa.C2paError as error:
        return [
            DeclaredFact(
                kind="c2pa",
                name="manifest",
                value=f"present, but cannot be read: {error}",
                says_generated=False,
                validation="Unreadable",
            )
        ]
    with reader:
        text = reader.json()
        state = reader.get_validation_state()
    if len(text) > _MAX_MANIFEST_CHARS:
        raise ValueError("the manifest store is too long to be read")
    return _facts(json.loads(text), str(state))


def _facts(store: dict[str, Any], state: str) -> list[DeclaredFact]:
    facts: list[DeclaredFact] = []
    for generation, manifest in enumerate(_lineage(store)):
        origin = "" if generation == 0 else "made from: "
        facts.extend(_of_manifest(manifest, state, origin))
    return facts


def _lineage(store: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The active manifest, then its parent's, and so on (components are not ancestors)."""
    manifests = store.get("manifests", {})
    label = store.get("active_manifest")
    seen: set[str] = set()
    while isinstance(label, str) and label in manifests and label not in seen:
        if len(seen) >= _MAX_ANCESTORS:
            return
        seen.add(label)
        manifest = manifests[label]
        yield manifest
        parents = (
            ingredient.get("active_manifest")
            for ingredient in manifest.get("ingredients", [])
            if ingredient.get("relationship") == "parentOf"
        )
        label = next(parents, None)


def _of_manifest(manifest: dict[str, Any], state: str, origin: str) -> Iterator[DeclaredFact]:
    signature = manifest.get("signature_info") or {}
    signer = signature.get("common_name") or signature.get("issuer")
    issuer = signature.get("issuer")
    by = f"{signer} ({issuer})" if issuer and issuer != signer else signer
    yield _fact(f"{origin}signed by", by or "nobody", state)
    for generator in manifest.get("claim_generator_info") or []:
        yield _fact(
            f"{origin}made with",
            f"{generator.get('name', '')} {generator.get('version', '')}".strip(),
            state,
        )
    for action in _actions(manifest):
        name = str(action.get("action", "action")).removeprefix("c2pa.")
        source = action.get("digitalSourceType")
        if source is None:
            yield _fact(f"{origin}action", name, state)
        else:
            yield DeclaredFact(
                kind="c2pa",
                name=f"{origin}digital source type ({name})",
                value=source_term(str(source)),
                says_generated=says_generated(str(source)),
                validation=state,
            )


def _actions(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    left = _MAX_ACTIONS
    for assertion in manifest.get("assertions", []):
        if not str(assertion.get("label", "")).startswith("c2pa.actions"):
            continue
        for action in assertion.get("data", {}).get("actions", []):
            if not left:
                return
            left -= 1
            yield action


def _fact(name: str, value: object, state: str) -> DeclaredFact:
    return DeclaredFact(
        kind="c2pa", name=name, value=str(value), says_generated=False, validation=state
    )
