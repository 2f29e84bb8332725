"""A text cut into lines and words, by rules: what taggers label and what their answers are scored on. Offsets are characters.

The rules follow English treebanks (Silveira et al. 2014, "A Gold Standard Dependency Corpus for English", section 3): signs
stand for themselves, clitics leave their word (do|n't, Anna|'s), abbreviations, numbers, addresses and faces stay whole.
A text whose words are separated by blanks already is hardly cut further. No text takes longer than its length allows: what
repeats is bounded, or can end in one way only.
"""

from __future__ import annotations

import regex

_BLANK = r"[\p{Zs}\t]"  # inside a line
_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}"  # scripts without blanks: character by character
# What a word is made of; soft hyphens and joiners stand between letters without being seen.
_PART = rf"[[\p{{L}}\p{{N}}\p{{M}}\u00AD\u200C\u200D]--[{_ALONE}]]"
_OVER = r"(?![\p{L}\p{M}\p{N}])"  # a word ends here
_NOT = rf"(?i:n['’]t){_OVER}"
_CLITIC = rf"['’](?i:s|m|re|ve|ll|d){_OVER}"
# UTS 51, 1.4.9, as far as it can be seen; not \X, which counts flags from their row's beginning at each of them.
_EMOJI = r"\p{Extended_Pictographic}[\p{M}\p{Emoji_Modifier}\U000E0020-\U000E007F]*"
_TLD = "com|org|net|edu|gov|io|uk|de|fr"
_WORD = regex.compile(
    rf"""
      (?:https?://|www\.)[^\s<>"]*[^\s<>".,;:!?)\]}}'’]   # addresses, without the sign that ends their sentence
    | (?<![\p{{L}}\p{{N}}_.+\-])                          # only where one can begin, and of bounded length
      [\p{{L}}\p{{N}}_.+\-]{{1,64}}+@(?:[\p{{L}}\p{{N}}\-]{{1,63}}+\.){{1,8}}[\p{{L}}\p{{N}}\-]{{1,63}}+
    | (?<![\p{{L}}\p{{N}}.\-]) (?:[\p{{L}}\p{{N}}\-]{{1,63}}\.){{1,8}}(?:{_TLD}){_OVER}
    | [@\#][\p{{L}}\p{{N}}_][\p{{L}}\p{{M}}\p{{N}}_]*     # names and topics of social networks
    | [:;][\-o*'^]?[)(\]\[]                               # faces, also right behind a word
    | (?<![\p{{L}}\p{{N}})])(?:[:;][\-o*'^]?[DPp\/\\|3]|=[)(\]\[DPp\/])(?![\p{{L}}\p{{N}}\/])
    | <3(?!\p{{N}})
    | (?:\p{{L}}\.){{2,}}                                 # U.S., e.g.
    | (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Corp|Co|vs)\.(?={_BLANK}+\S)
    | (?:No|Nos|Fig|p|pp)\.(?={_BLANK}+\p{{N}})
    | \p{{Lu}}{{1,4}}&\p{{Lu}}{{1,4}}{_OVER}              # AT&T
    | (?i:can(?=not{_OVER})|(?:gon|wan)(?=na{_OVER})|got(?=ta{_OVER}))
    | {_NOT} | {_CLITIC}
    | \p{{N}}{{3}}-(?:\p{{N}}{{3}}-)?\p{{N}}{{4}}(?![\p{{L}}\p{{N}}\-])   # telephone numbers
    | \p{{N}}+(?:[.,:\/]\p{{N}}+)+                        # 3.5, 10:30, 1,000, 11/28/2000
    | [{_ALONE}]\p{{M}}*
    | (?!\p{{DI}})(?:(?!{_NOT}){_PART})+                  # a word, up to its clitic; O'Brien is one
      (?:['’](?!(?i:s|m|re|ve|ll|d|t){_OVER})(?:(?!{_NOT})[[{_PART}]--[\p{{N}}]])+)*
    | \p{{Regional_Indicator}}{{1,2}} | {_EMOJI}(?:\u200D{_EMOJI})*
    | ([\p{{P}}\p{{S}}])(?:\1)*                           # a sign, or a row of the same
    | (?![\s\p{{Cc}}\p{{DI}}])\S\p{{M}}*                  # whatever else can be seen
    """,
    regex.VERBOSE | regex.V1,
)
_LINE = regex.compile(r"[^\r\n\x85\u2028\u2029]+")


def words(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """[start, end) of each word of text[start:end], in characters of the whole text. They never overlap; only blanks and
    other signs that cannot be seen lie between them. The words of a text are those of its lines.

    >>> text = "Anna's dog didn't bark."
    >>> [text[a:b] for a, b in words(text)]
    ['Anna', "'s", 'dog', 'did', "n't", 'bark', '.']
    """
    return [match.span() for match in _WORD.finditer(text, start, len(text) if end is None else end)]


def capital(word: str) -> bool:
    """Whether a capital is in it: what an uncased encoder cannot see.

    >>> capital("iPhone"), capital("phone"), capital("東京")
    (True, False, False)
    """
    return word != word.lower()


def lines(text: str) -> list[tuple[int, int]]:
    """[start, end) of each line that is not blank, without its line break."""
    return [match.span() for match in _LINE.finditer(text) if not match.group().isspace()]


def blank_separated(text: str) -> list[tuple[int, int]]:
    """[start, end) of each run of characters between blanks.

    >>> blank_separated("do n't go")
    [(0, 2), (3, 6), (7, 9)]
    """
    return [match.span() for match in regex.finditer(r"\S+", text)]
