"""A text cut into lines and words, by rules: what taggers label and what their answers are scored on. Offsets are characters.

The rules follow English treebanks (Silveira et al. 2014, "A Gold Standard Dependency Corpus for English", section 3): signs
stand for themselves, clitics leave their word (do|n't, Anna|'s), abbreviations, numbers, addresses and faces stay whole.
A text whose words are separated by blanks already is hardly cut further.
"""

from __future__ import annotations

import regex

_CLITIC = r"['’](?:s|m|re|ve|ll|d)(?![\p{L}\p{M}\p{N}])"
_NOT = r"n['’]t(?![\p{L}\p{M}\p{N}])"
_WORD = regex.compile(
    rf"""
      https?://[^\s<>"]*[^\s<>".,;:!?)\]}}'’]             # addresses
    | www\.[^\s<>"]*[^\s<>".,;:!?)\]}}'’]
    | (?<![\p{{L}}\p{{N}}_.+-])                           # only where one can begin, and of bounded length: no text takes long
      [\p{{L}}\p{{N}}_.+-]{{1,64}}+@(?:[\p{{L}}\p{{N}}-]{{1,63}}+\.){{1,8}}[\p{{L}}\p{{N}}-]{{1,63}}+
    | (?<![\p{{L}}\p{{N}}.-])
      (?:[\p{{L}}\p{{N}}-]{{1,63}}\.){{1,8}}(?:com|org|net|edu|gov|io|uk|de|fr)(?![\p{{L}}\p{{N}}])
    | [@\#][\p{{L}}\p{{N}}_][\p{{L}}\p{{M}}\p{{N}}_]*     # names and topics of social networks
    | [:;=8][-o*'^]?[)(\]\[DPp/\\|3](?![\p{{L}}\p{{N}}])  # faces
    | <3(?!\d)
    | (?:\p{{L}}\.){{2,}}                                 # U.S., e.g.
    | (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Corp|Co|vs|No|Nos|Fig)\.(?=\s+\S)
    | {_NOT} | {_CLITIC}
    | \p{{N}}+(?:[.,:]\p{{N}}+)+                          # 3.5, 10:30, 1,000
    | [\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]\p{{M}}*     # scripts without blanks: character by character
    | (?:(?!{_NOT})[\p{{L}}\p{{N}}\p{{M}}])+              # a word, up to its clitic; O'Brien is one
      (?:['’](?!(?:s|m|re|ve|ll|d|t)(?![\p{{L}}\p{{M}}\p{{N}}]))(?:(?!{_NOT})[\p{{L}}\p{{M}}])+)*
    | (?=[\p{{Extended_Pictographic}}\p{{Regional_Indicator}}])\X
    | ([\p{{P}}\p{{S}}])(?:\1)*                           # a sign, or a row of the same
    | (?=\S)\X                                            # whatever else can be seen
    """,
    regex.VERBOSE,
)
_LINE = regex.compile(r"[^\r\n\u2028\u2029]+")


def words(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """[start, end) of each word of text[start:end], in characters of the whole text. They never overlap; only blanks and
    other signs without width lie between them.

    >>> text = "Anna's dog didn't bark."
    >>> [text[a:b] for a, b in words(text)]
    ['Anna', "'s", 'dog', 'did', "n't", 'bark', '.']
    """
    return [match.span() for match in _WORD.finditer(text, start, len(text) if end is None else end)]


def lines(text: str) -> list[tuple[int, int]]:
    """[start, end) of each line that is not blank, without its line break."""
    return [match.span() for match in _LINE.finditer(text) if not match.group().isspace()]


def blank_separated(text: str) -> list[tuple[int, int]]:
    """[start, end) of each run of characters between blanks.

    >>> blank_separated("do n't go")
    [(0, 2), (3, 6), (7, 9)]
    """
    return [match.span() for match in regex.finditer(r"\S+", text)]
