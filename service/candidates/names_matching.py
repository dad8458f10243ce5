"""Looks for many names in a text at once: whole words only, in any script, in time that depends on
the text and hardly on how many names there are.

1. Each name becomes sequences of folded words (`names_folding.py`): as it was typed, with the last
   part first and the first part last ("Schmidt, Anna"), and with "ae" for "ä"; handles, and names
   written together, become one word each.
2. A text is folded once and split into words. Sets say in one step which names can be in it at all;
   only for those it is checked that their words follow each other.
3. Words joined by "_", "-" and "." are also read as one ("anna_schmidt", "anna.schmidt").
4. Handles are also found with digits for letters ("4nn4schm1dt"), names are not.

Between the parts of a name may stand anything but letters, digits and the end of a block of text.
Chinese, Japanese, Thai, Lao, Khmer and Burmese put no spaces between words: there a name is found
wherever its characters stand together. After a Korean name its particles may follow.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

from service.enrolment.names_folding import folded, is_unspaced

MATCHING: Final = 1
"""Raised whenever more is found in a text: pages are then read again."""

_BLOCK_END: Final = "|"
"""No folded word has it."""
_SPACED: Final = str.maketrans({"_": " ", "-": " ", ".": " ", "\n": f" {_BLOCK_END} "})
# Begins only where a part begins, and gives nothing back: a word without end is read once.
_COMPOUND: Final = re.compile(r"(?<![^\s_.\-])[^\s_.\-]++(?:[_.\-]{1,3}+[^\s_.\-]++)++")
_PART: Final = re.compile(r"[^_.\-]+")
_PARTS_JOINED: Final = 4
"""So many parts of a compound are read as one word."""
_LEAST_JOINED: Final = 6
"""A name written together is looked for from so many letters on."""
_UMLAUTS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "oe", "Ø": "Oe",
     "å": "aa", "Å": "Aa"}
)  # fmt: skip
_APOSTROPHES: Final = dict.fromkeys(map(ord, "'’ʼ`´"))
_TYPED_APART: Final = re.compile(r"[\s,;・·]+")
_MAX_SPELLINGS: Final = 32
_LEET: Final = str.maketrans("0134578l9", "oieastbig")
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")
# fmt: off
_PARTICLES: Final = (
    "은", "는", "이", "가", "을", "를", "의", "에", "와", "과", "도", "만", "씨", "님", "야", "아",
    "랑", "이랑", "에게", "한테", "께", "씨가", "씨는", "씨의", "씨를", "에게서", "한테서", "이가",
    "이는", "이를", "이의", "이도",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Sought:
    """One name to look for; `key` is whatever the caller knows it by."""

    key: int
    text: str
    is_handle: bool


@dataclass(frozen=True, slots=True)
class _Sequence:
    key: int
    words: tuple[str, ...]
    anchor: int
    """Which of the words it is looked up by."""


class NameIndex:
    """All names of a search, compiled. It is never written down."""

    def __init__(self, names: Iterable[Sought]) -> None:
        self._sequences: dict[str, list[_Sequence]] = defaultdict(list)
        self._joined: dict[str, set[int]] = defaultdict(set)
        self._leet: dict[str, set[int]] = defaultdict(set)
        for name in names:
            self._add(name)

    def find(self, text: str) -> frozenset[int]:
        """The keys of all names that are in `text`."""
        read = folded(text)
        words = read.translate(_SPACED).split()
        known = set(words)
        if _HANGUL.search(read):
            known.update(stem for word in tuple(known) for stem in _without_particle(word))
        found = self._in_order(words, known)
        known.update(_joined_words(read))
        for word in self._joined.keys() & known:
            found |= self._joined[word]
        if self._leet:
            found |= self._with_digits(known)
        return frozenset(found)

    def _add(self, name: Sought) -> None:
        parts = [forms for forms in map(_forms_of, _TYPED_APART.split(name.text)) if forms]
        for spelling in islice(product(*parts), _MAX_SPELLINGS):
            if not spelling:
                continue
            if name.is_handle:
                joined = "".join(word for part in spelling for word in part)
                self._joined[joined].add(name.key)
                self._leet[joined.translate(_LEET)].add(name.key)
            else:
                self._add_name(name.key, spelling)

    def _add_name(self, key: int, parts: tuple[tuple[str, ...], ...]) -> None:
        for order in {parts, (parts[-1], *parts[:-1]), (*parts[1:], parts[0])}:
            words = tuple(word for part in order for word in part)
            anchor = max(range(len(words)), key=lambda at: len(words[at]))
            self._sequences[words[anchor]].append(_Sequence(key, words, anchor))
            together = "".join(words)
            if len(words) > 1 and len(together) >= _LEAST_JOINED and not is_unspaced(together[0]):
                self._joined[together].add(key)

    def _in_order(self, words: Sequence[str], known: set[str]) -> set[int]:
        """Names whose words are all there, and follow each other somewhere."""
        possible = [
            sequence
            for anchor in self._sequences.keys() & known
            for sequence in self._sequences[anchor]
            if known.issuperset(sequence.words)
        ]
        if not possible:
            return set()
        anchors = {sequence.words[sequence.anchor] for sequence in possible}
        places: dict[str, list[int]] = defaultdict(list)
        for at, word in enumerate(words):
            if word in anchors:
                places[word].append(at)
            elif _HANGUL.match(word):
                for stem in _without_particle(word):
                    if stem in anchors:
                        places[stem].append(at)
        return {
            sequence.key
            for sequence in possible
            if any(
                _stands_at(words, sequence.words, at - sequence.anchor)
                for at in places[sequence.words[sequence.anchor]]
            )
        }

    def _with_digits(self, known: set[str]) -> set[int]:
        found: set[int] = set()
        for word in known:
            if not word.isalpha() and not word.isdigit():
                found |= self._leet.get(word.translate(_LEET), set())
        return found


def _stands_at(words: Sequence[str], sought: tuple[str, ...], begin: int) -> bool:
    end = begin + len(sought)
    if begin < 0 or end > len(words) or tuple(words[begin : end - 1]) != sought[:-1]:
        return False
    last = words[end - 1]
    if last != sought[-1] and sought[-1] not in _without_particle(last):
        return False
    # a mark that follows belongs to the last character: it is another one then
    return end == len(words) or unicodedata.category(words[end][0])[0] != "M"


def _without_particle(word: str) -> tuple[str, ...]:
    """What a Korean word may be without what is hung onto it; nothing for other words."""
    if not _HANGUL.match(word[-1]):
        return ()
    return tuple(
        word[: -len(particle)]
        for particle in _PARTICLES
        if word.endswith(particle) and len(word) - len(particle) >= 2
    )


def _joined_words(read: str) -> set[str]:
    """What words joined by "_", "-" and "." are when written as one, also in part."""
    joined: set[str] = set()
    for compound in _COMPOUND.findall(read):
        parts = _PART.findall(compound)
        for begin in range(len(parts) - 1):
            for end in range(begin + 2, min(begin + _PARTS_JOINED, len(parts)) + 1):
                joined.add("".join(parts[begin:end]))
    return joined


def _forms_of(part: str) -> tuple[tuple[str, ...], ...]:
    """How one typed part of a name may be spelled, each as its folded words."""
    spellings = (part, part.translate(_UMLAUTS), part.translate(_APOSTROPHES))
    return tuple(dict.fromkeys(form for each in spellings if (form := _words(folded(each)))))


def _words(read: str) -> tuple[str, ...]:
    return tuple(read.translate(_SPACED).replace(_BLOCK_END, " ").split())
