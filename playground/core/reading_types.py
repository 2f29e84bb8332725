"""What reading gives: stretches of a context that answer a question, words for the gaps of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

ScoreSource = Literal["computed", "logprobs", "stated"]


@dataclass(frozen=True)
class AnswerSpan:
    """A stretch of a context that may be the answer: [start, end) in characters of the context as its user wrote it."""

    answer: str
    start: int
    end: int
    score: float | None = None


@dataclass(frozen=True)
class ExtractedAnswer:
    """What a context says to a question, in the context's own words: [start, end) in its characters. "" at [0, 0) where it says
    nothing.

    score: how sure the model is of just this, of "no answer" too. others: the runners-up, best first; none overlaps the answer or
        one another. Where there is no answer, the best of them is what it would have been.
    no_answer: the probability that there is none; None where the model gave none. Computed scores of all spans and this add up to
    1. placed: whether the words stand in the context; an endpoint's may not. Then [start, end) is [0, 0).
    """

    answer: str
    start: int
    end: int
    score: float | None = None
    others: tuple[AnswerSpan, ...] = ()
    no_answer: float | None = None
    score_source: ScoreSource = "computed"
    placed: bool = True

    kind: ClassVar[str] = "answer"


@dataclass(frozen=True)
class GoldAnswers:
    """All answers that count as right, in a context's own words; none where the context does not answer."""

    answers: tuple[str, ...]


@dataclass(frozen=True)
class Filling:
    """A word for a gap. score: 0..1; None where the model gave none. text: the passage with the word in it, and with the likeliest
    words in its other gaps; of a long text what stands around the gap.
    """

    token: str
    score: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Weighed:
    """A word and its score in the gap of a text (`here`), and in that of another text (`there`)."""

    token: str
    here: float | None = None
    there: float | None = None


@dataclass(frozen=True)
class Choices:
    """Words for the gaps of a text. `choices`: of its first gap, best first.

    masks: of every gap in reading order, the first among them. Each is filled by itself, as if the others stayed open.
    other, other_text: the same of a second text, and that text, where one was given. weighed: words of both first gaps, side by
        side. wanted: of each gap the probability that its word is one of those that were wanted; None where the model has none of
        them.
    """

    choices: tuple[Filling, ...]
    masks: tuple[tuple[Filling, ...], ...] = ()
    other: tuple[tuple[Filling, ...], ...] = ()
    other_text: str = ""
    weighed: tuple[Weighed, ...] = ()
    wanted: tuple[float | None, ...] = ()
    score_source: ScoreSource = "computed"

    kind: ClassVar[str] = "choices"

    @property
    def words(self) -> tuple[str, ...]:
        """The best word of each gap; empty where there is none."""
        return tuple(gap[0].token if gap else "" for gap in self.masks)


@dataclass(frozen=True)
class GapWords:
    """The true answer of a text with gaps: for each in reading order the words that are right."""

    gaps: tuple[frozenset[str], ...]
