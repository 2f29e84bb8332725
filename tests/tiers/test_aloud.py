"""Thoughts are told from the text however a reply is cut into pieces."""

from __future__ import annotations

import itertools

import pytest

from playground.tiers.hosted_writing import Aloud


def heard(*pieces: str) -> tuple[str, str]:
    """What was shown while the reply came, and what is shown in the end."""
    aloud = Aloud()
    shown, said = "", 0
    for last, piece in [*((False, piece) for piece in pieces), (True, "")]:
        aloud.add(piece, last=last)
        shown += aloud.between(said, aloud.clear)
        said = aloud.clear
    return shown, aloud.between(0, len(aloud.raw))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("yet lit the stove", "yet lit the stove"),
        ("  \n yet", "  \n yet"),
        ("a < b <= c <think", "a < b <= c <think"),
        ("<think>so</think>\n\n yet", "yet"),
        (" <thinking>so < what</thinking>yet", "yet"),
        ("<think>so", ""),
        ("<think></think>", ""),
        ("<think>a</think> <think>b</think> c", "c"),
        ("a <think>b</think> c", "a  c"),
        ("<think>a<think>b</think>c", "c"),
        ("<THINK>a", "<THINK>a"),
        ("水<think>🔥</think>é", "水é"),
    ],
)
def test_every_cut_into_three_pieces_gives_the_same_text(reply: str, text: str) -> None:
    cuts = itertools.combinations_with_replacement(range(len(reply) + 1), 2)
    assert {heard(reply[:a], reply[a:b], reply[b:]) for a, b in cuts} == {(text, text)}


def test_letter_by_letter() -> None:
    assert heard(*"<think>so</think> yet <b>lit</b>") == ("yet <b>lit</b>", "yet <b>lit</b>")


def test_a_thought_that_a_server_began_is_taken_back_in_the_end() -> None:
    assert heard("so what", "</think>", "\nyet", " </think> lit")[1] == "lit"
    assert heard("so what</think>\nyet") == ("yet", "yet")


def test_what_may_be_the_beginning_of_a_thought_is_held_back_and_nothing_else() -> None:
    aloud = Aloud()
    aloud.add("yet <th")
    assert aloud.between(0, aloud.clear) == "yet "
    aloud.add("at>")
    assert aloud.between(0, aloud.clear) == "yet <that>"
