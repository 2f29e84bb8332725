"""A text cut into sentences, by rules. Offsets are characters.

A full stop ends a sentence where a blank and a capital, a digit or an opening sign follow, unless it belongs to an abbreviation,
an initial or the number of a list's item (the ambiguities that Palmer and Hearst 1997, "Adaptive Multilingual Sentence Boundary
Disambiguation", section 1, list). Blank lines, bullets and headings end one as well; lines that were broken to fit a width are
one text. No text takes longer than its length allows.
"""

from __future__ import annotations

import regex

LONGEST = 128  # tokens of one sentence that a model looks at, so that no sentence fills a model's whole window
WIDTH = 50  # characters: a line that has fewer was not broken to fit a page

_NEVER = frozenset(  # a name, a number or an explanation follows
    "mr mrs ms dr prof st gen rep sen gov capt lt col sgt rev hon e.g i.e cf vs viz fig figs eq eqs sec secs ch no nos vol pp p "
    "ref refs approx resp incl".split()
)
_SELDOM = frozenset("al etc inc ltd co corp jr sr dept est a.m p.m ca ph.d u.s u.k u.n d.c".split())
_STARTS = frozenset(
    "the a an this that these those it he she they we you i in on at by for from to as our his her its their there here however "
    "but and while when if although moreover furthermore finally then so what how".split()
)
_CLOSING = r"[\"'”’»)\]}]"
_OPENING = r"[\"'“‘«(\[{¿¡]"
_END = regex.compile(
    rf"""
      (?<![.!?…])(?P<sign>[.!?…]++){_CLOSING}{{0,4}}+(?:\[\d{{1,3}}\])?  # and the number of a reference
      (?=\s+(?P<next>{_OPENING}{{0,4}}+\S))
    | (?<![。！？｡])[。！？｡]++[」』”’）]{{0,4}}+
    """,
    regex.VERBOSE | regex.V1,
)
_WORD_BEFORE = regex.compile(r"[\p{L}\p{N}.]{1,12}+$")
_BEGIN = regex.compile(r"[\p{L}\p{N}]{1,12}")
_LINE = regex.compile(r"[^\r\n\x85\u2028\u2029]+")
_BULLET = regex.compile(r"\s*(?:[-*•‣◦–—·]\s|\#{1,6}\s|>\s|\(?(?:\p{N}{1,3}|\p{L})[.)]\s)")
_ENDED = regex.compile(rf"[.!?…:;。！？]{_CLOSING}{{0,4}}\s*$")


def sentences(text: str) -> list[tuple[int, int]]:
    """[start, end) of each sentence, in order, without the blanks around it. They never overlap; only blanks lie between them.

    >>> text = "Dr. Ada slept. At 3.5 km, e.g. here, we saw it! \\"Why?\\" he asked."
    >>> [text[start:end] for start, end in sentences(text)]
    ['Dr. Ada slept.', 'At 3.5 km, e.g. here, we saw it!', '"Why?" he asked.']
    """
    lower = text == text.lower()  # nobody wrote a capital, so that none can be waited for
    found: list[tuple[int, int]] = []
    for start, end in _blocks(text):
        begin = start
        for match in _END.finditer(text, start, end):
            if match.end() > begin and _ends(text, begin, match, lower):
                found.append((begin, match.end()))
                begin = match.end()
        found.append((begin, end))
    return [span for span in (_stripped(text, *span) for span in found) if span[0] < span[1]]


def split(text: str) -> list[str]:
    """The sentences themselves.

    >>> split("It rains. Stay in.")
    ['It rains.', 'Stay in.']
    """
    return [text[start:end] for start, end in sentences(text)]


def parts(text: str) -> list[tuple[str, str]]:
    """Each sentence with what stands before it, behind the sentence before.

    >>> parts(" One. Two!\\n\\nThree?")
    [('', 'One.'), (' ', 'Two!'), ('\\n\\n', 'Three?')]
    """
    spans = sentences(text)
    befores = [spans[0][0], *(end for _, end in spans)] if spans else []
    return [(text[before:start], text[start:end]) for before, (start, end) in zip(befores, spans, strict=False)]


def _ends(text: str, begin: int, match: regex.Match[str], lower: bool) -> bool:
    """Whether a sentence that begins at `begin` ends with this sign."""
    if match["sign"] is None:
        return True
    at = match.start("next")
    opened = text[match.end("next") - 1]
    if opened.islower() and not lower:
        return False
    if match["sign"] != ".":
        return True
    word = _WORD_BEFORE.search(text, max(begin, match.start() - 12), match.start())
    if word is None:
        return True
    said = word.group().lower().lstrip(".")
    if said in _NEVER:
        return False
    if said.isnumeric() and not text[begin : word.start()].strip():  # the number of a list's item
        return False
    initial = len(said) == 1 and said.isalpha() and word.group() != "I" and not lower
    if initial or said in _SELDOM:
        following = _BEGIN.search(text, at, at + 16)
        return following is not None and following.group().lower() in _STARTS
    return True


def _blocks(text: str) -> list[tuple[int, int]]:
    """[start, end) of what no sentence goes beyond: lines, but those broken to fit a width are one."""
    found: list[tuple[int, int]] = []
    for match in _LINE.finditer(text):
        start, end = match.span()
        if match.group().isspace():
            continue
        if found and _goes_on(text, found[-1], start, end):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _goes_on(text: str, before: tuple[int, int], start: int, end: int) -> bool:
    """Whether the line [start, end) goes on with the block before it."""
    between = text[before[1] : start]
    if between.strip(" \t") not in ("\n", "\r\n", "\r", "\x85", "\u2028"):  # a blank line
        return False
    if _BULLET.match(text, start, end):
        return False
    last = max(before[0], before[1] - 2 * WIDTH)
    tail = text[last : before[1]].splitlines()[-1]
    if _ENDED.search(tail):
        return len(tail) >= WIDTH  # where it ends is then for its signs to say
    first = text[start:end].lstrip()[:1]
    return first.islower() or len(tail) >= WIDTH


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())
