"""The sets that readers learn from, as questions about a context with its answer's place: from a folder, or SQuAD from the hub; and
the knowledge base that comes with the project.

A folder has the layout of the project's shared data: `qa/squad_v1.1_*.json`, in SQuAD's own layout. No torch.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

DATASETS = Path(__file__).resolve().parents[2] / "assets" / "datasets"
_SENTENCE_END = re.compile(r"[.!?]['\")\]]*\s+|\n")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Question:
    """A question about a context. [start, end) is where the answer stands, in characters of the context; -1, -1: there is none.

    answers: all that count as right, as texts; none where there is no answer. article: what splits keep together.
    """

    question: str
    context: str
    answers: tuple[str, ...]
    start: int
    end: int
    article: str


@dataclass(frozen=True)
class ReadingSplit:
    """`train` to learn from, `valid` to set the threshold of "no answer" by, `held` parts to report on, the checkpoint's own
    ("test") first. No article is in two of them.
    """

    train: tuple[Question, ...]
    valid: tuple[Question, ...]
    held: dict[str, tuple[Question, ...]]


def squad(data: Path | None) -> ReadingSplit:
    """SQuAD 1.1. Held out: the dev articles in the folder ("test"), and a twenty-fifth of the training articles, by the SHA-256 of
    their titles, for the threshold.
    """
    if data is None:
        train, test = _from_hub()
    else:
        train, test = (read(data / "qa" / f"squad_v1.1_{part}.json") for part in ("train", "dev_half"))
    valid = [q for q in train if _share(q.article) < 0.04][::3]  # a third of them says as much
    return ReadingSplit(
        tuple(q for q in train if _share(q.article) >= 0.04 and q.answers), tuple(valid), {"test": tuple(test)}
    )


def knowledge_base(data: Path | None = None) -> ReadingSplit:
    """The knowledge base that comes with the project, split by article as its file says. Its dev articles are for the threshold."""
    path = DATASETS / "knowledge-base" / "articles.json"
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    train, dev, test = (_questions(a for a in articles if a["split"] == part) for part in ("train", "dev", "test"))
    return ReadingSplit(tuple(train), tuple(dev), {"test": tuple(test)})


def read(path: Path) -> list[Question]:
    """A file in SQuAD's layout. Questions whose answer does not stand in their context are left out."""
    return _questions(json.loads(path.read_text(encoding="utf-8"))["data"])


def _questions(articles: Iterable[dict[str, Any]]) -> list[Question]:
    found = []
    for article in articles:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                texts = tuple(answer["text"] for answer in asked["answers"])
                place = _place(asked, paragraph["context"]) if texts else (-1, -1)
                if place is not None:
                    found.append(
                        Question(asked["question"].strip(), paragraph["context"], texts, *place, article["title"])
                    )
    return found


def _place(asked: dict[str, Any], context: str) -> tuple[int, int] | None:
    """Of the first answer. The place that is given counts where the file does not say that it is one of several."""
    first = asked["answers"][0]
    if "n_occurrences" in first or context[first["answer_start"] :][: len(first["text"])] != first["text"]:
        return located(asked["question"], context, first["text"])
    return first["answer_start"], first["answer_start"] + len(first["text"])


def located(question: str, context: str, answer: str) -> tuple[int, int] | None:
    """Where an answer stands: of several places as a whole word, the one whose sentence shares most words with the question (of
    equals the first). None where it does not stand there.
    """
    if not answer:
        return None
    places = [m.start() for m in re.finditer(re.escape(answer), context)]
    whole = [
        at
        for at in places
        if not (at and context[at - 1].isalnum() and answer[0].isalnum())
        and not (context[at + len(answer) : at + len(answer) + 1].isalnum() and answer[-1].isalnum())
    ]
    places = whole or places
    if not places:
        return None
    best = places[0]
    if len(places) > 1:
        asked = words(question)
        best = max(places, key=lambda at: (len(asked & words(context[slice(*sentence_at(context, at))])), -at))
    return best, best + len(answer)


def sentences(context: str) -> list[tuple[int, int]]:
    """[start, end) of a context's sentences, by a rule: they end with . ! or ? before a blank, or with a line."""
    ends = [0, *(m.end() for m in _SENTENCE_END.finditer(context)), len(context)]
    return [(a, b) for a, b in pairwise(ends) if context[a:b].strip()]


def sentence_at(context: str, at: int) -> tuple[int, int]:
    return next(((a, b) for a, b in sentences(context) if a <= at < b), (0, len(context)))


def words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def unanswerable(questions: Sequence[Question], share: float, seed: int) -> list[Question]:
    """For `share` of the questions the same question with another context, in which no answer of it stands: half of them a context
    of the same article, half of another.
    """
    random = Random(f"{seed}/unanswerable")  # noqa: S311
    contexts = list(dict.fromkeys((q.article, q.context) for q in questions))
    of: dict[str, list[str]] = {}
    for article, context in contexts:
        of.setdefault(article, []).append(context)
    found = []
    for q in random.sample(list(questions), round(share * len(questions))):
        near = random.random() < 0.5
        context = random.choice(of[q.article] if near else [c for _, c in random.sample(contexts, 1)])
        low = context.lower()
        if context != q.context and not any(answer.lower() in low for answer in q.answers):
            found.append(replace(q, context=context, answers=(), start=-1, end=-1))
    return found


def _share(name: str) -> float:
    """In [0, 1), by the name's SHA-256: the same on every machine."""
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big") / 2**32


def _from_hub() -> tuple[list[Question], list[Question]]:
    from datasets import load_dataset

    sets = load_dataset("rajpurkar/squad")
    train, test = ([_hub_question(row) for row in sets[part]] for part in ("train", "validation"))
    return train, test


def _hub_question(row: dict[str, Any]) -> Question:
    texts, start = tuple(row["answers"]["text"]), row["answers"]["answer_start"][0]
    return Question(row["question"].strip(), row["context"], texts, start, start + len(texts[0]), row["title"])
