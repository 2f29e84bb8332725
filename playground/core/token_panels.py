"""What the panels of the tokenizer's page show: from the service to the views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from playground.core.embedding_types import Map, Matrix
from playground.core.token_counts import Counts, Size
from playground.core.token_types import TokenizerRef

# -- numbers


@dataclass(frozen=True)
class Priced:
    """tokens: of the text alone. usd: as input, without a cache's discount. date: of the price. None: not known."""

    model: str
    tokens: int
    usd: float | None
    date: str | None
    context: int | None

    @property
    def share(self) -> float | None:
        return None if self.context is None else self.tokens / self.context


@dataclass(frozen=True)
class NumbersRow:
    """One tokenizer's. counts: None where it could not read, and `error` says why."""

    ref: TokenizerRef
    counts: Counts | None
    priced: tuple[Priced, ...] = ()
    error: str = ""

    @property
    def share(self) -> float | None:
        """Of the context that its models read at once, where one number holds."""
        return self.counts.tokens / self.ref.context if self.counts and self.ref.context else None


@dataclass(frozen=True)
class Numbers:
    size: Size
    rows: tuple[NumbersRow, ...]


# -- languages


@dataclass(frozen=True)
class Sentence:
    """code: BCP 47. name: in English. own: as its speakers call it."""

    code: str
    name: str
    own: str
    text: str


@dataclass(frozen=True)
class Cell:
    """One language's at one tokenizer. premium: its tokens over English's. unread: the share of its characters, blanks apart, that
    the tokenizer does not know or leaves out: fewer tokens are no gain there. tokens: None where it could not be read.
    """

    tokens: int | None
    premium: float | None = None
    unread: float = 0.0


@dataclass(frozen=True)
class Languages:
    """cells: by tokenizer, in the order of `refs`, then by language, in the order of `sentences`."""

    sentences: tuple[Sentence, ...]
    refs: tuple[TokenizerRef, ...]
    cells: tuple[tuple[Cell, ...], ...]


# -- conversations, embeddings


@dataclass(frozen=True)
class Offer:
    """A tokenizer that can be chosen in a panel, or why it cannot: `why_not` is empty where it can."""

    ref: TokenizerRef
    why_not: str = ""


@dataclass(frozen=True)
class Shares:
    """Of a conversation's tokens: how many are of each message's text, and how many the template adds."""

    messages: tuple[int, ...]
    template: int

    @property
    def total(self) -> int:
        return sum(self.messages) + self.template


@dataclass(frozen=True)
class Spread:
    """The text's tokens on the map. forms: by id. times: how often each stands in the text, in the map's order. special: ids of
    control tokens. more: distinct tokens that are not on it.
    """

    ref: TokenizerRef
    map: Map
    forms: Mapping[int, str]
    times: tuple[int, ...]
    special: frozenset[int]
    more: int


@dataclass(frozen=True)
class Near:
    """One token, and its neighbours (form, id, cosine), the nearest first. norm: the length of its vector."""

    matrix: Matrix
    token: int
    form: str
    norm: float
    neighbours: tuple[tuple[str, int, float], ...]
