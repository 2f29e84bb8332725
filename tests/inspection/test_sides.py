"""Which tokens make a word, in several scripts."""

import pytest

from playground.inspection.sides import side, words


def grouped(text):
    """The words of a text whose tokens are its characters; blanks are left out."""
    numbers = words(text, [(at, at + 1) for at in range(len(text))], [False] * len(text))
    found = {}
    for number, character in zip(numbers, text, strict=True):
        found[number] = found.get(number, "") + character
    assert list(found) == list(range(len(found))), "they are numbered in the text's order"
    return [word for word in found.values() if not word.isspace()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, x_y!", ["Don't", "stop", ",", "x_y", "!"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("co\u00adop", ["co\u00adop"]),
        ("我爱北京。", ["我", "爱", "北", "京", "。"]),
        ("ひらカタ", ["ひ", "ら", "カ", "タ"]),
        ("안녕 세계", ["안녕", "세계"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),
        ("ok👩\u200d👩\u200d👧👍🏽!", ["ok", "👩\u200d👩\u200d👧", "👍🏽", "!"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("❤\ufe0f≠\u0338", ["❤\ufe0f", "≠\u0338"]),
    ],
)
def test_words_of_several_scripts(text, expected):
    assert grouped(text) == expected


def test_special_tokens_are_of_no_word_and_parts_of_one_character_are_of_one():
    one = side("a🤔b", ["[CLS]", "a", "🤔", "🤔", "b"], [(0, 0), (0, 1), (1, 2), (1, 2), (2, 3)], [1, 2, 3, 4, 5])
    assert one.special == (True, False, False, False, False)
    assert one.words == (-1, 0, 1, 1, 2)


def test_a_token_of_several_words_is_the_firsts_and_one_of_blanks_stands_by_itself():
    assert words("a b  c", [(0, 3), (3, 5), (5, 6)], [False] * 3) == [0, 1, 2]
