"""The document: its elements are in it, and hostile text is nothing but text."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import typst

from service.notices.documents import (
    AuthorityDocument,
    ContactDocument,
    ItemDocument,
    NoticeDocument,
    SignatureDocument,
)
from service.notices.form import NoticeForm, notice_form
from service.notices.pdf import _spelled_out, _visible, layout, notice_pdf, typst_inputs
from service.notices.regimes import US_TAKE_IT_DOWN

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOSTILE = (
    '#read("/etc/passwd") $ x $ *bold* _it_ \\ ] [ ` @ref <label> #import "@preview/a:1.0.0" //c'
)


def form(text: str = "plain", **changes: object) -> NoticeForm:
    item = ItemDocument(
        exhibit_id="e",
        exhibit_version=1,
        is_sealed=True,
        is_captured=True,
        page_url="http://site.test/page?" + "a=b&" * 60,
        media_url="http://site.test/m.jpg",
        sha256="0" * 64,
        seen_at="2026-11-23T11:00:00+00:00",
        manifest_sha256="1" * 64,
        found_by="face",
        manipulation=("weak signs", text),
        uploader=text,
        post_id="42",
    )
    document = NoticeDocument(
        host="site.test",
        items=(item, item),
        individual=text,
        nonconsent_facts=text,
        contact=ContactDocument("Alex Advocate", "alex@helpline.test", "+1 555 0100"),
        **changes,  # type: ignore[arg-type]
    )
    signature = SignatureDocument(
        "Alex Advocate",
        "authorised person",
        "typed",
        "advocate:1",
        AT.isoformat(),
        ("depicted", "not_consensual", "authorised"),
        AuthorityDocument("Helpline", "m-1", "2026-01-01", "2027-01-01"),
    )
    return notice_form(uuid.uuid4(), US_TAKE_IT_DOWN, document, signature, "Trust team")


def shown(what: NoticeForm, label: str, tmp_path: Path) -> str:
    """The text that the layout puts at `label`, as typst itself reports it."""
    source = tmp_path / "notice.typ"
    source.write_bytes(layout())
    inputs = typst_inputs(_visible(msgspec.to_builtins(what)), AT, spelled=False)
    found = json.loads(typst.query(str(source), f"<{label}>", sys_inputs=inputs))
    return " | ".join(_texts(one) for one in found)


def _texts(node: object) -> str:
    if isinstance(node, dict):
        own = node.get("text")
        parts = [own] if isinstance(own, str) else []
        parts += [_texts(value) for value in node.values() if isinstance(value, dict | list)]
        return "".join(parts)
    if isinstance(node, list):
        return "".join(map(_texts, node))
    return ""


def test_every_element_of_the_law_is_in_the_document(tmp_path: Path) -> None:
    what = form("I did not agree.")
    assert "http://site.test/m.jpg" in shown(what, "item", tmp_path)
    assert "I did not agree." in shown(what, "facts", tmp_path)
    assert "alex@helpline.test" in shown(what, "contact", tmp_path)
    statements = shown(what, "statement", tmp_path)
    for statement in US_TAKE_IT_DOWN.statements:
        assert statement.by_agent in statements
    signature = shown(what, "signature", tmp_path)
    assert "Alex Advocate" in signature
    assert "m-1" in signature
    assert "48 hours" in shown(what, "request", tmp_path)


def test_a_long_address_is_shown_whole(tmp_path: Path) -> None:
    assert "http://site.test/page?" + "a=b&" * 60 in shown(form(), "item", tmp_path)


def test_hostile_text_is_shown_as_it_is_and_does_nothing(tmp_path: Path) -> None:
    what = form(HOSTILE)
    assert HOSTILE in shown(what, "facts", tmp_path)
    assert "root:" not in shown(what, "facts", tmp_path)
    assert notice_pdf(what, AT).startswith(b"%PDF-")


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\x1b", "\x00", "\u061c"])
def test_characters_that_turn_writing_around_are_spelled_out(hidden: str, tmp_path: Path) -> None:
    text = shown(form(f"moc.{hidden}elpmaxe"), "facts", tmp_path)
    assert hidden not in text
    assert f"[U+{ord(hidden):04X}]" in text


SCRIPTS = ["Привет", "你好", "مرحبا שלום", "हिन्दी", "ภาษาไทย"]
ODD = ["🙂👩\u200d👩\u200d👧", "\ud800", "\u0378", "\U000f0000"]


@pytest.mark.parametrize("text", SCRIPTS + ODD)
def test_no_writing_breaks_the_document(text: str) -> None:
    assert notice_pdf(form(text), AT).startswith(b"%PDF-")


def test_what_no_font_shows_is_spelled_out_and_the_document_says_so() -> None:
    assert _spelled_out({"a": ["x🙂"]}, {"🙂"}) == {"a": ["x[U+1F642]"]}
    plain, odd = notice_pdf(form("x"), AT), notice_pdf(form("\u0378🙂"), AT)
    assert len(odd) != len(plain)


def test_a_long_notice_of_many_items_is_set() -> None:
    what = form("text " * 500)
    many = msgspec.structs.replace(what, items=what.items * 100)
    assert notice_pdf(many, AT).startswith(b"%PDF-")


def test_the_finding_and_the_search_are_left_out_unless_wanted(tmp_path: Path) -> None:
    assert shown(form(), "how-found", tmp_path) == ""
    assert "weak signs" not in shown(form(), "item", tmp_path)
    wanted = form(mention_search=True, mention_manipulation=True)
    assert "not an identification" in shown(wanted, "how-found", tmp_path)
    assert "weak signs" in shown(wanted, "item", tmp_path)


def test_an_unnamed_individual_stays_unnamed(tmp_path: Path) -> None:
    what = form("")
    assert "not named in this notice" in shown(what, "individual", tmp_path)


def test_the_same_notice_makes_the_same_document() -> None:
    what = form()
    assert notice_pdf(what, AT) == notice_pdf(what, AT)
