"""Texts of random tokens, each said twice: which heads look from the second time at what came next the first time. No text, no
meaning and no frequent pairs of words can explain that: it is what induction heads do (Olsson et al. 2022, “In-context Learning and
Induction Heads”, transformer-circuits.pub, whose random tokens are said four times).

The tokens of a text all differ, so that each has one place to look at; and the texts have different lengths, so that a head that
looks back by a fixed distance does not pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.core.attention_types import Part, PartName, RepeatScores
from playground.core.calls import Call, Repeat
from playground.core.errors import NotSupported
from playground.core.events import Progress
from playground.core.types import ModelRef
from playground.engine.insides import Insides, Seen
from playground.engine.ops.attend import insides, known, longest
from playground.engine.scheduler import Outcome, Work

MOST_TEXTS = 64
LEAST = 4  # tokens until a text is said again: with fewer, all places are near one another


@dataclass(frozen=True)
class Places:
    """Where the second time is read, and for each of its tokens what followed it the first time; int64 [tokens said once]."""

    queries: np.ndarray
    keys: np.ndarray


@dataclass
class State:
    """texts: what is said twice, each. scores, previous: sums over the texts that were read, [layers, heads]."""

    part: Part
    texts: list[list[int]]
    short: bool
    scores: np.ndarray
    previous: np.ndarray
    chance: float = 0.0
    tokens: list[int] = field(default_factory=list)

    @property
    def done(self) -> int:
        return len(self.tokens)

    def found(self) -> RepeatScores:
        """Means over the texts so far, of which there is one at least."""
        return RepeatScores(
            self.part,
            (self.scores / self.done).astype(np.float32),
            (self.previous / self.done).astype(np.float32),
            self.chance / self.done,
            self.done,
            round(float(np.mean(self.tokens))),
        )


class RepeatOp:
    """A text a step, so that nobody waits for more than one."""

    serves = Repeat

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call = work.call
        assert isinstance(call, Repeat)
        inside = insides(work.model, call.model.id)
        common = np.asarray(inside.common())
        probe = inside.of_ids(common[:1].tolist())
        part = self_attention(inside, probe, common[:1].tolist())
        around = max(len(side) for side in probe.sides) - 1  # tokens that stand around each text
        room = (min(call.model.max_length, inside.most, longest(inside.parts)) - around) // 2
        most = min(room, len(common))
        if most < LEAST:
            raise NotSupported(
                f"The model {call.model.id} reads too few tokens at once to see {LEAST} of them twice: choose another one."
            )
        lengths = around_length(max(LEAST, call.length), most)
        random = np.random.default_rng(call.seed)
        texts = [
            random.choice(common, size, replace=False).tolist()
            for size in drawn(random, lengths, min(max(1, call.texts), MOST_TEXTS))
        ]
        shape = (part.layers, part.heads)
        work.state = State(part, texts, call.length > max(lengths), np.zeros(shape), np.zeros(shape))
        work.size = 2 * max(lengths) + around
        work.alone = True

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        return [self._read(work) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _read(self, work: Work) -> Outcome | None:
        inside: Insides = work.model.insides
        state: State = work.state
        text = state.texts[state.done]
        seen = inside.of_ids(text * 2)
        size = len(seen.sides[state.part.queries])
        begin = begin_of(seen, state.part, text)
        assert begin is not None, "it read the first token, and reads no others"
        places = second_time(begin, len(text))
        rows, columns = places.queries.tolist(), places.keys.tolist()
        before = (places.queries - 1).tolist()
        for layer, weights in enumerate(inside.attend(seen)[state.part.name]):
            state.scores[layer] += known(weights[:, rows, columns].float().mean(dim=1).cpu().numpy())
            state.previous[layer] += weights[:, rows, before].float().mean(dim=1).cpu().numpy()
        state.chance += float(np.mean(1 / (places.queries + 1))) if state.part.causal else 1 / size
        state.tokens.append(2 * len(text))
        if state.done < len(state.texts):
            share = state.done / len(state.texts)
            work.emit(Progress(what="reading random tokens twice", fraction=share, so_far=state.found()))
            return None
        note = None
        if state.short:
            once = max(len(one) for one in state.texts)
            note = f"The texts are said again after {once} tokens at most: the model reads too few at once for more."
        return Outcome(
            output=state.found(),
            tokens_in=sum(state.tokens),
            note=note,
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
        )


def self_attention(inside: Insides, seen: Seen, ids: Sequence[int]) -> Part:
    """The part whose tokens look at one another and that read these ids: a causal one first. Raises NotSupported."""
    parts = [part for part in inside.parts if part.name is not PartName.CROSS and begin_of(seen, part, ids) is not None]
    if not parts:
        raise NotSupported("This model cannot be given random tokens: choose another one.")
    return min(parts, key=lambda part: not part.causal)


def begin_of(seen: Seen, part: Part, ids: Sequence[int]) -> int | None:
    """Where these tokens begin on the part's side; what a model's texts begin with stands before. None where it has them not."""
    side, wanted = seen.sides[part.queries].ids, tuple(ids)
    return next((at for at in range(len(side)) if side[at : at + len(wanted)] == wanted), None)


def around_length(length: int, most: int) -> range:
    """The lengths that texts may have: a quarter less than `length` to a quarter more, where a model can read `most` twice.

    >>> around_length(24, 100), around_length(24, 20), around_length(4, 100)
    (range(18, 31), range(12, 21), range(4, 6))
    """
    middle = min(length, most * 4 // 5)
    middle = max(middle, min(LEAST, most))
    return range(max(min(LEAST, most), middle - middle // 4), min(most, middle + middle // 4) + 1)


def drawn(random: np.random.Generator, lengths: range, count: int) -> list[int]:
    """`count` of them, none twice before each came once."""
    rounds = -(-count // len(lengths))
    return [int(length) for _ in range(rounds) for length in random.permutation(lengths)][:count]


def second_time(begin: int, once: int) -> Places:
    """Of tokens that begin at a place and are said twice. What followed the last one the first time is the first one, again.

    >>> places = second_time(1, 3)
    >>> places.queries.tolist(), places.keys.tolist()
    ([4, 5, 6], [2, 3, 4])
    """
    queries = begin + once + np.arange(once)
    return Places(queries, queries - once + 1)


OP = RepeatOp()
