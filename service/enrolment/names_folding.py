"""When two spellings are one name: text in any script, folded to a form in which they are equal.

1. Compatibility forms (full-width, ligatures, stylised letters) become plain ones (NFKC); what has
   no width is dropped.
2. In a word that mixes scripts, look-alikes become letters of the script that the word is in: Latin
   where all of its Cyrillic or Greek letters look Latin, else that other script. A word that is all
   look-alikes counts as Latin only beside a Latin one: elsewhere it is one of its own language.
3. Case is folded. Accents are dropped where leaving them out is usual: in Latin, Greek and Cyrillic
   (but of "й", "ї" and "ў", which are letters of their own), vowel points in Hebrew and Arabic. The
   marks of Indic and South East Asian scripts are part of the word and stay.
4. Letters and digits stay; "_", "-" and "." stay as what may join a word; all else is a space, a
   line's end stays one. Characters of scripts that put no spaces between words stand alone.

Nothing is transliterated: a name in another script is another spelling, chosen by itself.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import Final

_CYRILLIC: Final = dict(
    zip("АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝ", "ABESIJKMHOPCTYXaesijopcyxhdqw", strict=True)
)
_GREEK: Final = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυ", "ABEZHIKMNOPTYXaikvopu", strict=True))
_TO_LATIN: Final = {**_CYRILLIC, **_GREEK}
_TO_LATIN_TABLE: Final = str.maketrans(_TO_LATIN)
_TO_CYRILLIC_TABLE: Final = str.maketrans({latin: other for other, latin in _CYRILLIC.items()})
_TO_GREEK_TABLE: Final = str.maketrans({latin: other for other, latin in _GREEK.items()})
_LATIN: Final = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_OTHER: Final = "\u0370-\u03ff\u0400-\u052f"
# These run over hostile text: none may look at a character more than a few times.
_MIXED: Final = re.compile(f"[{_LATIN}][{_OTHER}]|[{_OTHER}][{_LATIN}]")
_ONLY_ALIKE: Final = re.compile(rf"(?<![^\W\d_])[{''.join(_TO_LATIN)}]{{2,40}}(?![^\W\d_])")
_LATIN_BEFORE: Final = re.compile(rf"[{_LATIN}][\W_]{{1,3}}$")
_LATIN_AFTER: Final = re.compile(rf"[\W_]{{1,3}}[{_LATIN}]")
_HAS_OTHER: Final = re.compile(f"[{_OTHER}]")
_MAX_WORD: Final = 80

_OWN_LETTERS: Final = frozenset("йїў")
_PLAIN: Final = {
    "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h",
    "ŧ": "t", "ŋ": "n", "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك",
    "ة": "ه", "ؤ": "و", "ئ": "ي", "\u0640": "",
}  # fmt: skip
_JOINS: Final = {"_": "_", "-": "-", ".": "."} | dict.fromkeys("‐‑‒–—−﹣", "-")
_WITHOUT_SPACES: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)
_DROPPED_MARKS: Final = (
    (0x0300, 0x036F),
    (0x0483, 0x0487),
    (0x0591, 0x05C7),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
_ACCENTED_SCRIPTS: Final = ("LATIN", "GREEK", "CYRILLIC")


class _Folding(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        became = _fold(chr(code))
        if len(self) < 1 << 16:
            self[code] = became
        return became


_folding = _Folding()
_WIDTHLESS: Final = dict.fromkeys(
    chain(
        (0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),
        range(0x200B, 0x2010),
        range(0x202A, 0x202F),
        range(0x2060, 0x2070),
    )
)


def folded(text: str) -> str:
    """`text` as words of folded letters and digits, with what joins or parts them (see above)."""
    if text.isascii():
        return text.casefold().translate(_folding)
    plain = unicodedata.normalize("NFKC", text).translate(_WIDTHLESS)
    if _HAS_OTHER.search(plain):
        plain = _without_look_alikes(plain)
    return unicodedata.normalize("NFC", plain.casefold()).translate(_folding)


def is_unspaced(character: str) -> bool:
    """Whether its script puts no spaces between words."""
    code = ord(character)
    return any(first <= code <= last for first, last in _WITHOUT_SPACES)


def _without_look_alikes(text: str) -> str:
    """First words that mix scripts; beside what they become may stand one of look-alikes alone."""
    mixed: list[tuple[int, int, str]] = []
    end = 0
    for found in _MIXED.finditer(text):
        if found.start() >= end:
            begin, end = _word_around(text, found.start(), end)
            mixed.append((begin, end, _in_one_script(text[begin:end])))
    text = _replaced(text, mixed)
    alike = [
        (found.start(), found.end(), found.group().translate(_TO_LATIN_TABLE))
        for found in _ONLY_ALIKE.finditer(text)
        if _LATIN_BEFORE.search(text[max(0, found.start() - 4) : found.start()])
        or _LATIN_AFTER.match(text[found.end() : found.end() + 4])
    ]
    return _replaced(text, alike)


def _replaced(text: str, changes: list[tuple[int, int, str]]) -> str:
    """`changes` in order, none of which overlaps another."""
    parts, at = [], 0
    for begin, end, became in changes:
        parts += [text[at:begin], became]
        at = end
    return "".join([*parts, text[at:]])


def _word_around(text: str, at: int, not_before: int) -> tuple[int, int]:
    """The edges of the word at `at`, no further than a word is long."""
    begin = end = at
    while begin > max(not_before, at - _MAX_WORD) and _is_of_word(text[begin - 1]):
        begin -= 1
    while end < min(len(text), at + _MAX_WORD) and _is_of_word(text[end]):
        end += 1
    return begin, end


def _is_of_word(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character) == "Mn"


def _in_one_script(word: str) -> str:
    definite = [each for each in word if _HAS_OTHER.match(each) and each not in _TO_LATIN]
    if not definite:
        return word.translate(_TO_LATIN_TABLE)
    is_greek = all(ord(each) < 0x0400 for each in definite)
    return word.translate(_TO_GREEK_TABLE if is_greek else _TO_CYRILLIC_TABLE)


def _fold(character: str) -> str:
    if character == "\n":
        return character
    known = _JOINS.get(character, _PLAIN.get(character))
    if known is not None:
        return known
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cf":
        return _mark(character, category)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    is_modifier = category == "Lm" and 0x02B0 <= ord(character) <= 0x02FF
    return _letter(character) if character.isalnum() and not is_modifier else " "


def _mark(character: str, category: str) -> str:
    code = ord(character)
    if category == "Cf" or any(first <= code <= last for first, last in _DROPPED_MARKS):
        return ""
    return f" {character} " if is_unspaced(character) else character


def _letter(character: str) -> str:
    code = ord(character)
    if is_unspaced(character):
        # the two Japanese syllabaries write the same names
        return f" {chr(code - 0x60) if 0x30A1 <= code <= 0x30F6 else character} "
    script = unicodedata.name(character, "")
    if character in _OWN_LETTERS or not script.startswith(_ACCENTED_SCRIPTS):
        return character
    letters = unicodedata.normalize("NFD", character)
    kept = (each for each in letters if unicodedata.category(each) != "Mn")
    return "".join(_PLAIN.get(each, each) for each in kept)
