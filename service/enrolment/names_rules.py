"""Which names can be looked for: the person's own to choose, but not what would find everything.

Each refusal says why and what to do, and never repeats what was typed: it could end in a log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from service.enrolment.names_folding import folded, is_unspaced
from service.errors import InvalidInputError

MIN_CHARACTERS: Final = 3
MAX_CHARACTERS: Final = 80
MAX_PURPOSE: Final = 200
MIN_DIGITS: Final = 7
_MIN_SYLLABLES: Final = 2
"""Of Chinese, Japanese and Korean: a whole name is often two characters long."""
_IDEOGRAPHS: Final = re.compile("[\u3400-\u9fff\uac00-\ud7a3\U00020000-\U000323af]")
_KANA_OR_THAI: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff]")

# Words alone that stand on very many pages: given names, and what sites call people and pages.
_COMMON: Final = """
adam admin ahmed alex alexander alexandra ali alice alina amanda amy ana anastasia andrea
andreas andrew angel angela anja anna anne annie anonymous antonio archive article baby barbara
beautiful ben benjamin best blog boy brian carla carlos carmen carol caroline catherine channel
charles charlotte chat chris christian christina christine claire clara claudia comment contact
cookie cookies daniel daniela david diana diego download elena eleni elisabeth elizabeth ella
emily emma eric erik eva fatima felix female forum frank friend friends gallery george german
girl girls giulia guest hanna hannah hassan heidi help helen home hot hussein image images inbox
index info ingrid irina isabel isabella jack jacob james jan jana jane jason jasmin jean
jennifer jessica joe john jonas jose joseph juan julia julian kate katharina kevin kim lady
laura lea lee lena leon lily lina linda lisa login logout love lucas lucy luis luna mail maja
male man marco maria marie mark marta martha martin martina mary mateo max melanie member
members message mia michael michelle miguel mike model mohamed mohammad mohammed monica monika
more muhammad music name natalia natalie news nick nicole nina nora olga olivia omar page paul
peter petra photo photos picture pictures post posts privacy private profile public queen random
rachel rebecca register reply richard robert rosa ruth sabine sabrina sam samuel sandra sara
sarah search sebastian share shop silvia simon sofia sonja sophia sophie star stefan stefanie
stephanie steven support susan susanne sweet tag tags tamara tanja tatiana teen test thomas
thread tim tom unknown user users valentina vanessa vera victoria video videos viktoria wanda
william woman women yusuf zoe анна анастасия мария елена ольга наталья татьяна екатерина ирина
светлана юлия дарья алина александр алексей андрей дмитрий иван михаил сергей владимир олег
максим оксана виктория μαρια ελενη γιωργος γιαννης κατερινα αννα محمد احمد علي حسن حسين فاطمه
مريم زينب عائشه आरती अंजलि पूजा प्रिया राहुल मोहम्मद דוד שרה רחל מרים נועה 지은 수진 민지 지영 은지
"""
COMMON_WORDS: Final = frozenset(folded(_COMMON).split())


class NameRefusedError(InvalidInputError):
    """This name cannot be looked for; the message says why and what to do instead."""

    code = "name_refused"


@dataclass(frozen=True, slots=True)
class CheckedName:
    """A name as it is looked for. Handles are found also where they are written with digits."""

    text: str
    is_handle: bool
    words: tuple[str, ...]

    @classmethod
    def of(cls, typed: str) -> CheckedName:
        """Check what was typed, or `NameRefusedError`."""
        text = " ".join(typed.split())
        words = tuple(re.split(r"[\s_.\-]+", folded(text).strip(" _.-\n")))
        joined = "".join(words)
        _check_length(text, joined)
        _check_digits(joined)
        is_handle = _is_handle(text)
        if is_handle and " " in text:
            raise NameRefusedError(
                "A user name has no spaces. Leave out the @ to look for a name of several words."
            )
        if len(words) == 1 and not is_unspaced(joined[0]):
            _check_single_word(joined)
        return cls(text, is_handle, words)


def checked_purpose(typed: str) -> str:
    """What a name is looked for for, in the chooser's words."""
    purpose = " ".join(typed.split())
    if not MIN_CHARACTERS <= len(purpose) <= MAX_PURPOSE:
        raise InvalidInputError(
            "What for: say in a few words why this is looked for "
            f"(between {MIN_CHARACTERS} and {MAX_PURPOSE} characters)."
        )
    return purpose


def _check_length(text: str, joined: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise NameRefusedError(f"Name: {MAX_CHARACTERS} characters at most.")
    least = MIN_CHARACTERS
    if _IDEOGRAPHS.search(joined) and not _KANA_OR_THAI.search(joined):
        least = _MIN_SYLLABLES
    if len(joined) < least:
        raise NameRefusedError(
            "Name: too short. It would be found inside other words and on nearly every page; give "
            f"at least {least} letters, better first and last name."
        )


def _check_digits(joined: str) -> None:
    if joined.isdigit() and len(joined) < MIN_DIGITS:
        raise NameRefusedError(
            f"Name: digits alone stand on too many pages. Give a number of {MIN_DIGITS} digits or "
            "more, or a name."
        )


def _check_single_word(word: str) -> None:
    if word in COMMON_WORDS:
        raise NameRefusedError(
            "Name: this word alone stands on very many pages that have nothing to do with you. "
            "Give first and last name, or a user name that only you have."
        )


def _is_handle(text: str) -> bool:
    """One word that looks like what people are called on a site."""
    if text.startswith("@"):
        return True
    return " " not in text and any(each in "_." or each.isdigit() for each in text)
