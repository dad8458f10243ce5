"""A sealed bundle is found intact; every way to tamper with it is found and named."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from service.exhibits.bundle import MANIFEST_NAME, SIGNATURE_NAME, seal_bundle
from service.exhibits.container import read_container, write_container
from service.exhibits.manifest import (
    PieceSummary,
    StreamSummary,
    canonical_json,
    read_manifest,
)
from service.exhibits.trust import Trust, key_fingerprint, pem_key, raw_key
from service.exhibits.verify import Outcome, Verification, verify_bundle
from tests.service.exhibits.bundle_factory import (
    make_bundle,
    make_content,
    make_custody,
    make_key,
    make_warc,
)

BUNDLE = make_bundle().content
FILES = read_container(BUNDLE).files
SIGNER = Trust(frozenset({key_fingerprint(raw_key(make_key().public_key()))}))


def codes(verification: Verification) -> set[tuple[str, str]]:
    return {(defect.code, defect.subject) for defect in verification.defects}


def broken_by(content: bytes) -> set[tuple[str, str]]:
    verification = verify_bundle(content, SIGNER)
    assert verification.outcome is Outcome.BROKEN
    assert verification.exit_code == 1
    return codes(verification)


def test_a_sealed_bundle_is_intact_and_trusted() -> None:
    verification = verify_bundle(BUNDLE, SIGNER)
    assert verification.defects == ()
    assert verification.outcome is Outcome.TRUSTED
    assert verification.exit_code == 0
    assert verification.files_checked == len(FILES) - 2


def test_a_video_whose_pieces_are_not_in_the_capture_is_found() -> None:
    content = make_content()
    piece = PieceSummary("http://site.test/0.ts", "", "a" * 64, "a" * 64)
    (page,) = content.capture.resources
    named = structs.replace(page, stream=StreamSummary("b" * 64, 19, (piece,), "", ""))
    claimed = replace(content, capture=structs.replace(content.capture, resources=(named,)))
    sealed = seal_bundle(claimed, make_key()).content
    assert broken_by(sealed) == {("pieces_missing", "capture.warc.gz")}


def test_an_exhibit_without_a_video_in_pieces_says_nothing_of_it() -> None:
    # Bundles that were sealed before there was such a thing stay what they are.
    assert b"stream" not in FILES[MANIFEST_NAME]
    assert b"renewed" not in FILES[MANIFEST_NAME]


def test_an_unknown_signer_is_said_to_be_unknown() -> None:
    assert verify_bundle(BUNDLE, Trust()).exit_code == 3
    other = Trust(frozenset({"0" * 64}))
    assert verify_bundle(BUNDLE, other).outcome is Outcome.UNKNOWN


def test_sealing_the_same_twice_gives_the_same_bytes() -> None:
    assert make_bundle().content == BUNDLE


@pytest.mark.slow
def test_every_single_changed_byte_is_found_and_the_file_named() -> None:
    for at in range(len(BUNDLE)):
        changed = bytearray(BUNDLE)
        changed[at] ^= 0x01
        verification = verify_bundle(bytes(changed), SIGNER)
        assert verification.outcome is Outcome.BROKEN, at
        name = _file_whose_content_covers(at)
        if name is not None:
            named = {defect.subject for defect in verification.defects}
            assert name in named or (name == MANIFEST_NAME and SIGNATURE_NAME in named), (at, named)


def _file_whose_content_covers(at: int) -> str | None:
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename)
            if start <= at < start + info.file_size:
                return info.filename
    return None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(BUNDLE) - 1), st.integers(1, 255))
def test_any_other_value_of_any_byte_is_found(at: int, change: int) -> None:
    changed = bytearray(BUNDLE)
    changed[at] ^= change
    assert broken_by(bytes(changed))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(BUNDLE) - 1))
def test_a_bundle_cut_anywhere_is_broken(length: int) -> None:
    assert broken_by(BUNDLE[:length])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_answered_and_never_raise(content: bytes) -> None:
    broken_by(content)
    broken_by(BUNDLE + content if content else b"")
    broken_by(content + BUNDLE if content else b"")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_removed_file_is_named(name: str) -> None:
    rest = {other: body for other, body in FILES.items() if other != name}
    assert ("file_removed", name) in broken_by(write_container(rest))


@pytest.mark.parametrize("name", sorted(FILES))
def test_an_emptied_file_is_named(name: str) -> None:
    found = broken_by(write_container({**FILES, name: b""}))
    assert name in {subject for _, subject in found}


def test_an_added_file_is_named() -> None:
    found = broken_by(write_container({**FILES, "extra.txt": b"more"}))
    assert found == {("file_added", "extra.txt")}


def test_two_swapped_files_are_both_named() -> None:
    first, second = "statements/a1.json", "statements/b2.json"
    found = broken_by(write_container({**FILES, first: FILES[second], second: FILES[first]}))
    assert {("file_swapped", first), ("file_swapped", second)} <= found


def test_a_signature_by_another_key_does_not_fit() -> None:
    forged = make_key(2).sign(FILES[MANIFEST_NAME])
    found = broken_by(write_container({**FILES, SIGNATURE_NAME: forged}))
    assert found == {("signature_wrong", SIGNATURE_NAME)}


def test_a_replaced_key_file_is_named() -> None:
    other = pem_key(make_key(2).public_key())
    found = broken_by(write_container({**FILES, "signer.pub": other}))
    assert ("signer_replaced", "signer.pub") in found


def test_a_bundle_sealed_anew_by_somebody_else_is_never_trusted() -> None:
    forged = make_bundle(seed=2).content
    verification = verify_bundle(forged, SIGNER)
    assert verification.outcome is Outcome.UNKNOWN
    assert verification.manifest is not None
    assert not SIGNER.knows(verification.manifest.signer.fingerprint)


def test_an_altered_manifest_signed_by_another_key_in_its_own_name_is_broken() -> None:
    manifest = read_manifest(FILES[MANIFEST_NAME])
    renamed = canonical_json({**_plain(manifest), "exhibit_id": "somebody else's"})
    forged = {**FILES, MANIFEST_NAME: renamed, SIGNATURE_NAME: make_key(2).sign(renamed)}
    assert ("signature_wrong", SIGNATURE_NAME) in broken_by(write_container(forged))


def test_a_manifest_rewritten_with_other_spacing_is_broken_even_when_signed() -> None:
    spaced = FILES[MANIFEST_NAME].replace(b'","', b'", "', 1)
    forged = {**FILES, MANIFEST_NAME: spaced, SIGNATURE_NAME: make_key().sign(spaced)}
    assert ("manifest_altered", MANIFEST_NAME) in broken_by(write_container(forged))


def test_a_container_comment_is_named() -> None:
    commented = BUNDLE[:-2] + (5).to_bytes(2, "little") + b"hello"
    assert ("container_comment", "bundle") in broken_by(commented)


def test_bytes_before_and_after_are_named() -> None:
    assert ("prefix_bytes", "bundle") in broken_by(b"#!/bin/sh\n" + BUNDLE)
    assert ("trailing_bytes", "bundle") in broken_by(BUNDLE + b"\0")


def test_a_name_that_stands_twice_is_named() -> None:
    buffer = io.BytesIO(BUNDLE)
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive,
    ):
        archive.writestr("custody.json", b"{}")
    assert ("duplicate_name", "custody.json") in broken_by(buffer.getvalue())


def test_a_bundle_packed_anew_by_a_zip_program_is_broken_and_says_why() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in FILES.items():
            archive.writestr(name, body)
    assert ("compressed", "README.txt") in broken_by(buffer.getvalue())


def test_a_custody_chain_with_an_altered_entry_is_broken_though_signed() -> None:
    custody = make_custody()
    altered = (custody[0], _changed(custody[1]), custody[2])
    found = broken_by(make_bundle(custody=altered).content)
    assert found == {("custody_broken", "custody.json")}


def _changed(entry: object) -> object:
    import msgspec

    return msgspec.structs.replace(entry, action="nothing")  # type: ignore[type-var]


def test_a_record_whose_digest_does_not_fit_is_found_in_a_signed_bundle() -> None:
    found = broken_by(make_bundle(warc=make_warc(digest_of=b"another body")).content)
    assert found == {("warc_damaged", "capture.warc.gz")}


def test_a_warc_other_than_the_one_described_is_found() -> None:
    content = make_content()
    swapped = replace(content, warc_gz=make_warc(b"<html>another</html>"))
    found = broken_by(seal_bundle(swapped, make_key()).content)
    assert found == {("capture_replaced", "capture.warc.gz")}


def test_the_bundle_opens_in_any_zip_program_and_verifies_by_openssl(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    command = "openssl pkeyutl -verify -pubin -inkey signer.pub -rawin -in manifest.json"
    done = subprocess.run(
        [*command.split(), "-sigfile", "manifest.sig"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        "openssl pkey -pubin -in signer.pub -outform DER | tail -c 32 | sha256sum",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert shown.stdout.split()[0].decode() in SIGNER.fingerprints


def test_verifying_needs_no_database_and_no_web() -> None:
    program = (
        "import sys; import service.exhibits.verify; "
        "print([m for m in ('sqlalchemy', 'fastapi', 'socket.create_connection') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def _plain(manifest: object) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(manifest)
    return plain


def test_keys_made_at_random_seal_and_verify() -> None:
    key = Ed25519PrivateKey.generate()
    content = seal_bundle(make_content(), key).content
    trust = Trust(frozenset({key_fingerprint(raw_key(key.public_key()))}))
    assert verify_bundle(content, trust).outcome is Outcome.TRUSTED
