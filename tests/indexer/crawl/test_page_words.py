"""What a page says, as a search of names reads it: bounded, and only where it is asked for."""

from __future__ import annotations

import msgspec
import pytest
from parsel import Selector

from indexer.crawl import page_words as module
from indexer.crawl.discovery import discover
from indexer.crawl.messages import PageSeen, PageWords, Scope
from indexer.crawl.page_words import page_words

SCOPE = Scope(allowed_hosts=("forum.example",))


def lines(html: str) -> list[str]:
    return [" ".join(line.split()) for line in page_words(Selector(html)).text.split("\n")]


def test_words_come_with_a_page_only_where_the_scope_asks_for_them() -> None:
    page = Selector("<title>T</title><p>words</p>")
    url = "http://forum.example/"
    assert discover(page, url, SCOPE, depth=0).words is None
    asking = msgspec.structs.replace(SCOPE, page_words=True)
    assert discover(page, url, asking, depth=0).words == PageWords("T", "\n\nwords\n\n\n")


def test_what_a_visitor_reads_is_joined_as_it_is_shown() -> None:
    said = lines(
        "<p>An<b>na</b>\n Schmidt</p><div>next<!-- not this --> one</div>"
        "<table><tr><td>Ada</td><td>Lovelace</td></tr></table>"
        "<script>var hidden = 1</script><style>.hidden{}</style><template>hidden</template> after"
    )
    assert "Anna Schmidt" in said
    assert "next one" in said
    assert "Ada Lovelace" in said
    assert "after" in said
    assert "hidden" not in " ".join(said)


@pytest.mark.parametrize(
    "html",
    [
        '<img alt="Ada Lovelace">',
        '<a title="Ada Lovelace">x</a>',
        '<meta name="author" content="Ada Lovelace">',
        '<meta property="og:description" content="Ada Lovelace">',
        '<meta itemprop="name" content="Ada Lovelace">',
        "<figure><figcaption>Ada Lovelace</figcaption></figure>",
        '<script type="application/ld+json">{"author": {"name": "Ada Lovelace"}}</script>',
        '<script type="application/LD+JSON">[{"@graph": [{"uploader": "Ada Lovelace"}]}]</script>',
    ],
)
def test_what_the_page_says_of_pictures_and_of_itself_is_among_its_words(html: str) -> None:
    assert "Ada Lovelace" in lines(f"<p>x</p>{html}")


def test_titles_are_those_of_the_page_and_of_its_card() -> None:
    page = '<title>One &amp;\n one</title><meta property="og:title" content="Two">'
    assert page_words(Selector(page)).title == "One &  one\nTwo"


def test_what_is_too_long_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT_CHARS", 100)
    words = page_words(Selector(f"<p>{'long ' * 1000}</p>"))
    assert (len(words.text), words.is_cut) == (100, True)
    assert len(page_words(Selector(f"<title>{'t' * 9000}</title>")).title) == 2000


def test_a_page_in_a_log_shows_nothing_of_what_it_says() -> None:
    page = PageSeen("1", "u", "u", 200, "t", (), 0, 1, "", words=PageWords("Ada", "Lovelace"))
    assert "Lovelace" not in repr(page)
    assert "Ada" not in repr(page)


@pytest.mark.parametrize("html", ["", "<", "<p", "<script type='application/ld+json'>{</script>"])
def test_broken_markup_breaks_nothing(html: str) -> None:
    assert page_words(Selector(html)).text is not None
