"""What a reader must beat: the sentence that shares most words with the question, and its best noun phrase by rules. No torch."""

import re

from playground.training.questions import Question, sentences, words

_PIECE = re.compile(r"\w+(?:[.,:'’/-]\w+)*|[^\w\s]")
_CLOSED = frozenset(
    "a an the this that these those it its he she they them his her their him we our you your i my who whom whose which what when "
    "where why how and or but nor so yet if then than as of in on at by for from to with into onto over under about after before "
    "during between through against among within without is are was were be been being am do does did done has have had having "
    "will would can could may might shall should must not no also only just more most such some any each all both other there here "
    "up out off while because since until although though however one's s t".split()
)
_NUMBER = re.compile(
    r"how (?:many|much|long|old|far|often|big|large|tall)|what (?:year|percent|date|time)|when|which year", re.I
)
_NAME = re.compile(r"who|whom|whose|where|what (?:city|country|state|company|university|person)|which", re.I)


def sentence_and_phrase(asked: Question) -> str:
    """Of the sentence with most of the question's words: the stretch without closed-class words, signs and words of the question
    that holds a number where one is asked for, a name where one is, and else is the longest; of equals the first.
    """
    wanted = words(asked.question)
    found = sentences(asked.context)
    if not found:
        return ""
    first, after = max(found, key=lambda place: (len(wanted & words(asked.context[slice(*place)])), -place[0]))
    phrases: list[tuple[int, int]] = []
    before = -1
    for piece in _PIECE.finditer(asked.context, first, after):
        word = piece.group()
        if not word[0].isalnum() or word.lower() in _CLOSED or word.lower() in wanted:
            continue
        if phrases and before == phrases[-1][1] and asked.context[before : piece.start()].isspace():
            phrases[-1] = (phrases[-1][0], piece.end())
        else:
            phrases.append((piece.start(), piece.end()))
        before = piece.end()
    if not phrases:
        return asked.context[first:after].strip()
    texts = [asked.context[a:b] for a, b in phrases]
    if _NUMBER.match(asked.question):
        return max(texts, key=lambda text: any(c.isdigit() for c in text))
    if _NAME.match(asked.question):
        return max(texts, key=lambda text: sum(word[0].isupper() for word in text.split()))
    return max(texts, key=lambda text: len(text.split()))
