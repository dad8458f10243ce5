"""What files say of themselves: found, neutralised, never believed further than said."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from indexer.media import Decoder, Medium
from indexer.media.declared import declared_facts
from indexer.media.declared.facts import MAX_FACTS
from indexer.media.declared.text import neutral
from indexer.observations import DeclaredFact
from tests.indexer.media.conftest import CAPTURED, GENERATED

SMALL = Image.fromarray(skimage.data.astronaut()).resize((64, 64))
SD_PARAMETERS = "a lighthouse\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Seed: 1"
COMFY_PROMPT = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})
COMFY_WORKFLOW = json.dumps({"nodes": [{"id": 1}], "links": []})


def saved(format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    SMALL.save(buffer, format_name, **options)
    return buffer.getvalue()


def png_with(keyword: str, text: str, *, packed: bool = False) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text(keyword, text, zip=packed)
    return saved("PNG", pnginfo=info)


def xmp(body: str, attributes: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" {attributes}>{body}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def exif_with(**tags: object) -> bytes:
    numbers = {"software": 0x0131, "make": 0x010F, "model": 0x0110}
    exif = Image.Exif()
    for name, value in tags.items():
        if name in numbers:
            exif[numbers[name]] = value
    inner = exif.get_ifd(0x8769)
    if "taken" in tags:
        inner[0x9003] = tags["taken"]
    if "comment" in tags:
        inner[0x9286] = tags["comment"]
    return exif.tobytes()


def generated(facts: tuple[DeclaredFact, ...]) -> list[tuple[str, str]]:
    return [(fact.kind, fact.name) for fact in facts if fact.says_generated]


def test_a_signed_picture_tells_signer_state_and_that_it_was_generated(
    plain_jpeg: bytes, sign_picture: Callable[..., bytes]
) -> None:
    facts = declared_facts(sign_picture(plain_jpeg, GENERATED))
    assert {fact.kind for fact in facts} == {"c2pa"}
    assert {fact.validation for fact in facts} == {"Valid"}
    by_name = {fact.name: fact for fact in facts}
    assert by_name["signed by"].value == "Test signer (Test organisation)"
    assert by_name["made with"].value == "Test generator 1"
    assert by_name["digital source type (created)"].value == "trainedAlgorithmicMedia"
    assert generated(facts) == [("c2pa", "digital source type (created)")]


def test_a_camera_that_signs_does_not_say_generated(
    plain_jpeg: bytes, sign_picture: Callable[..., bytes]
) -> None:
    facts = declared_facts(sign_picture(plain_jpeg, CAPTURED))
    assert "digitalCapture" in [fact.value for fact in facts]
    assert generated(facts) == []


def test_what_a_picture_was_made_from_still_says_generated(
    plain_jpeg: bytes, sign_picture: Callable[..., bytes]
) -> None:
    before = sign_picture(plain_jpeg, GENERATED)
    facts = declared_facts(sign_picture(plain_jpeg, None, parent=before))
    assert generated(facts) == [("c2pa", "made from: digital source type (created)")]


def test_a_signed_picture_that_was_changed_is_invalid(
    plain_jpeg: bytes, sign_picture: Callable[..., bytes]
) -> None:
    changed = bytearray(sign_picture(plain_jpeg, GENERATED))
    changed[-3000] ^= 0xFF
    assert {fact.validation for fact in declared_facts(bytes(changed))} == {"Invalid"}


def test_a_broken_manifest_is_reported_as_unreadable_or_invalid(
    plain_jpeg: bytes, sign_picture: Callable[..., bytes]
) -> None:
    content = bytearray(sign_picture(plain_jpeg, GENERATED))
    at = content.index(b"c2pa") + 200
    content[at : at + 60] = bytes(60)
    states = {fact.validation for fact in declared_facts(bytes(content))}
    assert states <= {"Invalid", "Unreadable"}
    assert states


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        (f"<Iptc4xmpExt:DigitalSourceType>{GENERATED}</Iptc4xmpExt:DigitalSourceType>", ""),
        ("", f'Iptc4xmpExt:DigitalSourceType="{GENERATED}"'),
        (f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{GENERATED}"/>', ""),
        ("", 'Iptc4xmpExt:DigitalSourceType="compositeWithTrainedAlgorithmicMedia"'),
    ],
)
@pytest.mark.parametrize("format_name", ["JPEG", "WEBP", "TIFF", "PNG"])
def test_xmp_digital_source_type_is_found_however_it_is_written(
    body: str, attributes: str, format_name: str
) -> None:
    packet = xmp(body, attributes)
    if format_name == "PNG":
        content = png_with("XML:com.adobe.xmp", packet.decode(), packed=True)
    elif format_name == "TIFF":
        content = saved("TIFF", tiffinfo={700: packet})
    else:
        content = saved(format_name, xmp=packet)
    assert generated(declared_facts(content)) == [("xmp", "digital source type")]


def test_xmp_of_a_retouched_photo_does_not_say_generated() -> None:
    packet = xmp(
        "", f'Iptc4xmpExt:DigitalSourceType="{CAPTURED}" xmp:CreatorTool="Adobe Photoshop 26.1"'
    )
    facts = declared_facts(saved("JPEG", xmp=packet))
    assert {(fact.name, fact.value) for fact in facts} == {
        ("digital source type", "digitalCapture"),
        ("creator tool", "Adobe Photoshop 26.1"),
    }
    assert generated(facts) == []


def test_xmp_that_declares_entities_is_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + xmp(
        "<xmp:CreatorTool>&b;</xmp:CreatorTool>"
    )
    assert declared_facts(saved("JPEG", xmp=bomb)) == ()


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("parameters", SD_PARAMETERS),
        ("prompt", COMFY_PROMPT),
        ("workflow", COMFY_WORKFLOW),
        ("Software", "NovelAI"),
        ("Comment", json.dumps({"prompt": "a harbour", "steps": 28, "sampler": "k_euler"})),
        ("invokeai_metadata", "{}"),
        ("Description", "a harbour --v 6 Job ID: 0d2c1c5e-1a2b-4c3d-8e9f-000000000000"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_png_text_of_generators_says_generated(keyword: str, text: str, packed: bool) -> None:
    facts = declared_facts(png_with(keyword, text, packed=packed))
    assert generated(facts) == [("png_text", keyword)]


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("Software", "Adobe ImageReady"),
        ("Comment", "Steps to the harbour, seen at dawn"),
        ("parameters", "f/2.8, 1/250 s"),
        ("prompt", "smile!"),
        ("Description", "Generated by the weather station of the harbour"),
        ("Title", "Dalle, 3 rue du Port"),
    ],
)
def test_png_text_of_others_does_not_say_generated(keyword: str, text: str) -> None:
    assert generated(declared_facts(png_with(keyword, text))) == []


def test_text_that_unpacks_to_gigabytes_is_unpacked_only_a_little() -> None:
    packed = zlib.compress(bytes(200_000_000), 9)
    data = b"parameters\0\0" + packed
    chunk = len(data).to_bytes(4, "big") + b"zTXt" + data
    chunk += zlib.crc32(chunk[4:]).to_bytes(4, "big")
    plain = saved("PNG")
    facts = declared_facts(plain[:33] + chunk + plain[33:])
    assert all(len(fact.value) <= 300 for fact in facts)


def test_exif_names_program_camera_and_time() -> None:
    exif = exif_with(software="GIMP 2.10", make="Canon", model="EOS", taken="2020:01:02 03:04:05")
    for format_name in ("JPEG", "PNG", "WEBP"):
        facts = declared_facts(saved(format_name, exif=exif))
        assert {fact.name: fact.value for fact in facts} == {
            "Software": "GIMP 2.10",
            "Make": "Canon",
            "Model": "EOS",
            "DateTimeOriginal": "2020:01:02 03:04:05",
        }
        assert generated(facts) == []


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_parameters_in_an_exif_comment_say_generated(order: str) -> None:
    comment = b"UNICODE\0" + SD_PARAMETERS.encode(order)
    facts = declared_facts(saved("JPEG", exif=exif_with(comment=comment)))
    assert generated(facts) == [("exif", "UserComment")]
    assert "lighthouse" in facts[0].value


def test_a_graph_in_a_webps_exif_says_generated() -> None:
    facts = declared_facts(saved("WEBP", exif=exif_with(model=f"prompt:{COMFY_PROMPT}")))
    assert generated(facts) == [("exif", "Model")]


def test_control_and_bidirectional_characters_are_made_visible_and_values_cut() -> None:
    nasty = "invoice\u202egnp.exe\u0000\u001b[31m\u200b" + "x" * 5000
    fact = declared_facts(png_with("Software", nasty.replace("\0", "")))[0]
    assert len(fact.value) <= 300
    assert fact.value.endswith("…")
    assert not any(char in fact.value for char in "\u202e\u001b\u200b\u0000")


@given(st.text(max_size=2000))
def test_neutral_text_is_one_short_line_of_visible_characters(text: str) -> None:
    shown = neutral(text, 120)
    assert len(shown) <= 120
    assert shown == " ".join(shown.split())
    assert all(char == "�" or char.isprintable() for char in shown)


def test_a_file_that_says_very_much_still_says_that_it_is_generated() -> None:
    info = PngImagePlugin.PngInfo()
    for _ in range(60):
        info.add_text("Comment", "chatter")
    info.add_text("parameters", SD_PARAMETERS)
    facts = declared_facts(saved("PNG", pnginfo=info))
    assert len(facts) <= MAX_FACTS
    assert facts[0].says_generated


def test_pictures_without_statements_declare_nothing(plain_jpeg: bytes) -> None:
    assert declared_facts(plain_jpeg) == ()
    assert declared_facts(saved("PNG")) == ()
    assert declared_facts(b"not a picture at all") == ()
    assert declared_facts(b"") == ()


def test_the_decoder_hands_the_facts_over_with_the_pixels(
    plain_jpeg: bytes, sign_picture: Callable[..., bytes]
) -> None:
    signed = sign_picture(plain_jpeg, GENERATED)
    with Decoder() as decoder:
        decoded = decoder.decode(Medium(signed))
    assert decoded.declared == declared_facts(signed)
    assert decoded.declared_unread is None


@pytest.mark.filterwarnings("ignore::UserWarning")  # the decoder process ignores them too
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_hostile_metadata_never_raises(seed: int) -> None:
    chance = np.random.default_rng(seed)
    sources = (
        saved("JPEG", exif=exif_with(software="x", comment=b"UNICODE\0abc"), xmp=xmp("<a/>")),
        png_with("parameters", SD_PARAMETERS, packed=True),
        saved("TIFF", tiffinfo={700: xmp("", 'xmp:CreatorTool="t"')}),
        saved("WEBP", exif=exif_with(make="y")),
    )
    content = bytearray(sources[int(chance.integers(len(sources)))])
    for _ in range(int(chance.integers(1, 12))):
        content[int(chance.integers(len(content)))] = int(chance.integers(256))
    for fact in declared_facts(bytes(content)):
        assert len(fact.value) <= 300


def test_hostile_manifests_never_raise(
    plain_jpeg: bytes, sign_picture: Callable[..., bytes]
) -> None:
    signed = sign_picture(plain_jpeg, GENERATED)
    start = signed.index(b"jumb")
    chance = np.random.default_rng(5)
    for _ in range(60):
        content = bytearray(signed)
        for _ in range(4):
            content[start + int(chance.integers(8000))] = int(chance.integers(256))
        for fact in declared_facts(bytes(content)):
            assert len(fact.value) <= 300


@pytest.mark.real_faces
def test_no_press_photo_says_that_it_was_generated() -> None:
    folder = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "faces"
    photos = sorted(folder.glob("*/*.jpg"))[::10]
    if not photos:
        pytest.skip("the real photographs are not on this machine")
    assert [photo for photo in photos if generated(declared_facts(photo.read_bytes()))] == []
