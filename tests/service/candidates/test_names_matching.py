"""Names in text: every spelling that is the same name is found, and nothing inside other words."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.candidates.names_matching import NameIndex, Sought

LATIN = "abcdefghijklmnoprstuvwyz"
CYRILLIC = "бвгджзиклмнптуфцчшщыэюя"
SEPARATORS = st.sampled_from(
    [" ", "  ", "\u00a0", ", ", "-", "_", ".", " - ", "\t", "/", "·", "\u200b "]
)
JOINERS = st.sampled_from(["", "\u200b", "\u00ad", "\u2060"])


def words(alphabet: str, least: int = 3) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=9)


def finds(name: str, text: str, *, is_handle: bool = False) -> bool:
    return NameIndex([Sought(7, name, is_handle)]).find(text) == {7}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Anna Schmidt", "photos of ANNA SCHMIDT!"),
        ("Anna Schmidt", "Schmidt, Anna"),
        ("Anna Schmidt", "Anna\u00a0Schmidt’s"),
        ("Anna Schmidt", "anna_schmidt"),
        ("Anna Schmidt", "https://www.anna-schmidt.example/"),
        ("Anna Schmidt", "@AnnaSchmidt"),
        ("Anna Schmidt", "Ａｎｎａ　Ｓｃｈｍｉｄｔ"),
        ("Anna Schmidt", "𝓐𝓷𝓷𝓪 𝓢𝓬𝓱𝓶𝓲𝓭𝓽"),
        ("Anna Schmidt", "Аnnа Ѕсhmіdt"),
        ("Anna Schmidt", "A\u200bnna Sch\u00admidt"),
        ("Eve Cope", "Еvе Соре"),
        ("Jürgen Müller", "JUERGEN MUELLER"),
        ("Jürgen Müller", "Mu\u0308ller, Jurgen"),
        ("Nguyễn Thị Hương", "nguyen thi huong"),
        ("Łukasz Żak", "lukasz zak"),
        ("Pat O’Brien", "pat obrien"),
        ("Анна Семёнова", "АННА СЕМЕНОВА"),
        ("Анна Щукина", "Aннa Щукинa"),
        ("Ελένη Παππά", "ΕΛΕΝΗ ΠΑΠΠΑ"),
        ("أحمد عليّ", "احمد على"),
        ("דָּוִד כֹּהֵן", "דוד כהן"),
        ("प्रिया शर्मा", "देखो प्रिया शर्मा!"),
        ("李小娜", "我叫李小娜，你呢"),
        ("アンナ・シュミット", "これはｱﾝﾅ ｼｭﾐｯﾄです"),
        ("ชมพู่ อารยา", "ข่าวชมพู่อารยาวันนี้"),
        ("김민수", "어제 김민수는 왔다"),
    ],
)
def test_the_same_name_in_another_spelling_is_found(name: str, text: str) -> None:
    assert finds(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Anna Schmidt", "Hanna Schmidt"),
        ("Anna Schmidt", "Anna Schmidtke"),
        ("Anna Schmidt", "Anna met Mr Schmidt"),
        ("Anna Schmidt", "They saw Anna\nSchmidt came later"),
        ("Anna Schmidt", "4nn4 5chm1dt"),
        ("Anna Schmidt", "Анна Шмидт"),
        ("Sara Capa", "сара капа"),
        ("प्रिया शर्मा", "प्रिया शर्मिला"),
        ("김민수", "김민수진"),
        ("김민수", "나김민수"),
        ("Андрей Котов", "Андреи Котов"),
    ],
)
def test_what_only_holds_the_letters_is_not_the_name(name: str, text: str) -> None:
    assert not finds(name, text)


@pytest.mark.parametrize(
    "text",
    ["@anna_s99", "anna.s99", "see ANNA-S99 there", "annas99", "4nn4_s99", "/u/anna_s99/x"],
)
def test_a_handle_is_found_however_it_is_joined_or_digits_stand_for_letters(text: str) -> None:
    assert finds("@anna_s99", text, is_handle=True)


@pytest.mark.parametrize("text", ["anna s99", "anna_s999", "xanna_s99", "anna_s9"])
def test_a_handle_is_not_found_in_other_words(text: str) -> None:
    assert not finds("@anna_s99", text, is_handle=True)


@given(words(LATIN), words(LATIN), SEPARATORS, JOINERS, st.text(max_size=40), st.booleans())
def test_every_embedding_between_other_words_is_found(
    first: str, last: str, separator: str, joiner: str, around: str, swapped: bool
) -> None:
    one, two = (last, first) if swapped else (first, last)
    written = f"{one[:1]}{joiner}{one[1:]}{separator}{two}".upper()
    assert finds(f"{first} {last}", f"{around} | {written} | {around}")


@given(words(LATIN), words(LATIN), words(LATIN, 1), st.booleans())
def test_nothing_is_found_within_longer_words(
    first: str, last: str, more: str, before: bool
) -> None:
    longer = f"{more}{first} {last}" if before else f"{first} {last}{more}"
    there = {*longer.split()}
    if there >= {first, last} or there & {first + last, last + first}:
        # the longer word is the other part of the name, or the name written together
        return
    assert not finds(f"{first} {last}", f"x {longer} x")


@given(words(CYRILLIC), words(CYRILLIC), SEPARATORS)
def test_names_of_other_alphabets_are_found_alike(first: str, last: str, separator: str) -> None:
    assert finds(f"{first} {last}", f"({last}{separator}{first})".title())


@given(st.lists(words(LATIN, 4), min_size=2, max_size=40, unique=True), st.data())
def test_many_names_are_found_as_each_alone_would_be(parts: list[str], data: st.DataObject) -> None:
    names = [f"{one} {two}" for one, two in pairwise(parts)]
    text = " . ".join(data.draw(st.lists(st.sampled_from([*names, *parts]), max_size=12)))
    together = NameIndex(Sought(at, name, False) for at, name in enumerate(names)).find(text)
    assert together == {at for at, name in enumerate(names) if finds(name, text)}


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    NameIndex([Sought(0, "Anna Schmidt", False), Sought(1, "李小娜", False)]).find(text)


@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, "a" * 100_000 + "____" + "b" * 100_000, "a_" * 5_000, "\u0430b" * 5_000],
    ids=["one word", "two words", "a compound", "two scripts"],
)
def test_a_word_without_end_is_read_once(text: str) -> None:
    """Looked at from each of its letters it would keep a worker for a quarter of an hour."""
    assert finds("Anna Schmidt", f"{text} anna_schmidt {text}")


@given(st.text(min_size=1, max_size=60))
def test_no_name_breaks_it(name: str) -> None:
    NameIndex([Sought(0, name, False), Sought(1, name, True)]).find("some text")
