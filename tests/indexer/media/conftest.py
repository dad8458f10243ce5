"""Pictures that say something of themselves, made here: signed, tagged, annotated."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable

import c2pa
import pytest
import skimage.data
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def _certificate(
    name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    own_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test organisation"),
        ]
    )
    signing_key = own_key if issuer is None else issuer[1]
    root = issuer is None
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[0].subject)
        .public_key(own_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(root, None), critical=True)
        .add_extension(
            x509.KeyUsage(not root, False, False, False, False, root, False, False, False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), False
        )
    )
    if not root:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(signing_key, hashes.SHA256()), own_key


@pytest.fixture(scope="session")
def plain_jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def sign_picture() -> Callable[..., bytes]:
    """Sign a JPEG as a named signer, with the given actions and, if any, its parent."""
    root = _certificate("Test root", None)
    leaf, key = _certificate("Test signer", root)
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (leaf, root[0]))
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

    def sign(content: bytes, source_type: str | None, parent: bytes | None = None) -> bytes:
        info = c2pa.C2paSignerInfo(b"es256", chain, secret, b"")
        info.ta_url = None
        action: dict[str, object] = {"action": "c2pa.opened" if parent else "c2pa.created"}
        if parent is not None:
            action["parameters"] = {"ingredientIds": ["before"]}
        if source_type is not None:
            action["digitalSourceType"] = source_type
        manifest = {
            "claim_generator_info": [{"name": "Test generator", "version": "1"}],
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
        }
        context = c2pa.Context.from_dict(
            {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
        )
        builder = c2pa.Builder(json.dumps(manifest), context=context)
        if parent is not None:
            ingredient = json.dumps({"label": "before", "relationship": "parentOf"})
            builder.add_ingredient(ingredient, "image/jpeg", io.BytesIO(parent))
        signed = io.BytesIO()
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(content), signed)
        return signed.getvalue()

    return sign
