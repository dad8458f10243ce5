"""What a page says in words, for a search of names: taken only where the worker asks for it.

1. `title`: the title, and what the page calls itself on social cards.
2. `text`: what a visitor can read, the words that stand for pictures, and who the page says that it
   is by (meta, microdata, JSON-LD). The end of a paragraph, list entry or the like is a line's end,
   so that nothing is read across it; cells of a row follow each other.

Scripts and styles are no words. At most `MAX_TEXT_CHARS` are given, and whether that was all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree
from parsel import Selector

from indexer.crawl.json_ld import objects_of
from indexer.crawl.messages import PageWords

MAX_TEXT_CHARS: Final = 200_000
MAX_TITLE_CHARS: Final = 2_000

# fmt: off
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "details", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hr", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "section",
    "summary", "table", "tr", "ul",
})
# fmt: on
_CELLS: Final = frozenset({"td", "th"})
_NO_WORDS: Final = frozenset({"script", "style", "template", "head"})
_SPOKEN: Final = ("alt", "title", "aria-label")
_TITLES: Final = (
    "//title/text() | //meta[@property='og:title' or @name='og:title' or @property='twitter:title' "
    "or @name='twitter:title']/@content"
)
_SAID_OF_IT: Final = (
    "//meta[@name='author' or @name='description' or @name='keywords' or "
    "@property='og:description' or @property='og:image:alt' or @property='article:author' or "
    "@property='profile:username' or "
    "@property='profile:first_name' or @property='profile:last_name' or @name='twitter:creator' or "
    "@itemprop='name' or @itemprop='author' or @itemprop='caption' or @itemprop='description']"
    "/@content"
)
_JSON_LD: Final = (
    "//script[translate(@type, 'ACDIJLNOPST', 'acdijlnopst')='application/ld+json']/text()"
)
_JSON_KEYS: Final = frozenset(
    {
        "name", "alternateName", "givenName", "familyName", "headline", "caption", "description",
        "author", "creator", "uploader", "contributor", "keywords", "articleBody", "text",
    }
)  # fmt: skip
_WHITE: Final = str.maketrans("\n\r\t\f\v\x1c\x1d\x1e\x1f\x85\u2028\u2029", " " * 12)


def page_words(page: Selector) -> PageWords:
    """The words of a page, bounded."""
    titles = "\n".join(line.translate(_WHITE) for line in page.xpath(_TITLES).getall()[:10])
    text, is_cut = _joined(_pieces(page))
    return PageWords(titles[:MAX_TITLE_CHARS], text, is_cut)


def _joined(pieces: Iterator[str]) -> tuple[str, bool]:
    kept: list[str] = []
    room = MAX_TEXT_CHARS
    for piece in pieces:
        kept.append(piece[:room])
        room -= len(piece)
        if room < 0:
            return "".join(kept), True
    return "".join(kept), False


def _pieces(page: Selector) -> Iterator[str]:
    yield from _visible(page.root)
    for said in page.xpath(_SAID_OF_IT).getall():
        yield f"\n{said.translate(_WHITE)}"
    for script in page.xpath(_JSON_LD).getall():
        for said in _json_ld_words(script):
            yield f"\n{said.translate(_WHITE)}"
    yield "\n"


def _visible(root: etree._Element) -> Iterator[str]:
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    spoken: list[str] = []
    for event, element in walk:
        name = element.tag
        if event == "end" or not isinstance(name, str):
            if name in _BLOCKS:
                yield "\n"
            elif name in _CELLS:
                yield " "
            if element.tail and (event != "start"):
                yield element.tail.translate(_WHITE)
            continue
        if name in _NO_WORDS:
            walk.skip_subtree()
            continue
        if name in _BLOCKS:
            yield "\n"
        spoken += [said for each in _SPOKEN if (said := element.get(each))]
        if element.text:
            yield element.text.translate(_WHITE)
    for said in spoken:
        yield f"\n{said.translate(_WHITE)}"


def _json_ld_words(script: str) -> Iterator[str]:
    for said in objects_of(script):
        for key in _JSON_KEYS & said.keys():
            yield from _texts(said[key])


def _texts(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item
