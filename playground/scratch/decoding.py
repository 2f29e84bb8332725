"""From guesses to texts: a model says how likely each token comes next, and something has to choose.

    greedy      the most likely token, always: safe, soon repetitive                   temperature=0
    sampling    by chance, after the settings have bent the chances                    temperature, top_k, top_p: sampling.py
    beams       several texts side by side, to find one that is likely as a whole      beams: beams.py

All happens in steps of one token, for one text or for many side by side, and between any two the caller may stop, or do
something else. The file knows no text: tokens come in, and go out, as numbers.

Letters in the comments, for shapes:
    B  texts in the batch      T  tokens per text      V  size of the vocabulary
"""

import math
from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor

from playground.scratch.beams import BeamSearch
from playground.scratch.cache import KVCache
from playground.scratch.gpt import GPT
from playground.scratch.sampling import Rules, Sampling, Step, processed, told
from playground.scratch.seq2seq import Reading

# -- one text --------------------------------------------------------------------------------------------------------------


def window_start(length: int, context: int) -> int:
    """The first token of a text of `length` tokens that the model looks at.

    All of them while they fit. Then the older half of the context is forgotten at once, and grows again: window_start(9, 8) -> 4,
    and so until a length of 12. So a cache is rebuilt once in a while and not for every token; and since the start follows from
    the length alone, what the model sees of a text is the same whether it was written, token by token, or given as a prompt.
    """
    half = max(1, context // 2)
    return 0 if length <= context else half * math.ceil((length - context) / half)


class Stream:
    """One text being written: its tokens, its settings, its own random numbers.

    ids: the prompt and what was written. done: written to a stop token or to the length asked for. source: what an encoder-decoder
    has read, that the text is made of. rules: what must or must not come next. Raises ValueError when the prompt is empty, or for
    beams, which are several texts.
    """

    def __init__(
        self,
        prompt_ids: Sequence[int],
        sampling: Sampling,
        stop_ids: Collection[int] = (),
        source: Reading | None = None,
        rules: Rules | None = None,
    ) -> None:
        if not prompt_ids:
            raise ValueError("A text goes on from at least one token.")
        if sampling.beams > 1:
            raise ValueError("Beams are searched: use BeamSearch.")
        self.ids = list(prompt_ids)
        self.sampling = sampling
        self.source = source
        self.stop_ids = frozenset(stop_ids)
        self.end = len(self.ids) + sampling.length
        self.done = False
        self.rules = rules
        self.random = torch.Generator().manual_seed(sampling.seed)  # nobody else draws from it

    def take(self, logits: Tensor) -> Step:
        """Choose the next token by the model's logits [V], and write it."""
        logits = logits.float().cpu()  # where the generator is: the same draw on any device
        bent = processed(logits, self.ids, self.sampling, self.rules)
        if self.sampling.temperature == 0:
            token = int(bent.argmax())
        else:
            token = int(torch.multinomial(bent.softmax(dim=-1), 1, generator=self.random))
        self.ids.append(token)
        self.done = token in self.stop_ids or len(self.ids) >= self.end
        return told(logits, token)


# -- many texts, a token at a time -----------------------------------------------------------------------------------------


class Batch:
    """Texts that are written side by side, each with its own prompt, settings and age: a pass of the model gives a token to all.

    Texts come and go between any two tokens (iteration-level scheduling: Yu et al. 2022, "Orca", OSDI, section 3). Each gets the
    tokens that it would get alone. The model must be in eval mode: dropout would draw from random numbers that all share.

    model: that of all texts: a GPT, or anything else that has a context (`config.context`), makes caches (`cache()`) and says what
    follows (`following`). Of an encoder-decoder each text brings its own `source`; or it is the `Reading` that all are made of.
    """

    def __init__(self, model: GPT | Reading) -> None:
        self.model = model
        self.streams: list[Stream] = []  # those in the cache, row by row
        self.waiting: list[Stream] = []  # those that are read first: new, or their window has moved
        self._begun: dict[Stream, KVCache] = {}  # of those that wait: what was read of them
        self.cache: KVCache | None = None

    def __len__(self) -> int:
        """Texts that are not done."""
        return len(self.streams) + len(self.waiting)

    def add(self, stream: Stream) -> None:
        """The text takes part from the next step on."""
        self.waiting.append(stream)

    def remove(self, *streams: Stream) -> None:
        """These texts take no part any more; what they held is free for others."""
        self.waiting = [stream for stream in self.waiting if stream not in streams]
        self._begun = {stream: cache for stream, cache in self._begun.items() if stream not in streams}
        stay = [row for row, stream in enumerate(self.streams) if stream not in streams]
        if len(stay) < len(self.streams):
            self._keep(stay)

    def unread(self, stream: Stream) -> int:
        """How many tokens have to be read before the text's next one is known."""
        if stream in self.streams and not _window_moves(stream, self.model.config.context):
            return 1
        read = self._begun[stream].lengths[0] if stream in self._begun else 0
        return len(self._window(stream)) - read

    @torch.inference_mode()
    def step(self, turn: Collection[Stream] | None = None, most: int | None = None) -> list[tuple[Stream, Step]]:
        """One more token for every text. Those that are done with it leave.

        turn: those whose turn it is, where it is not everybody's; the others stay as they are. most: tokens that are read of a
        text at once; one with more to read than that gets its next token in a later step.
        """
        taken: list[tuple[Stream, Step]] = []
        moved = [stream for stream in self.streams if _window_moves(stream, self.model.config.context)]
        self.remove(*moved)  # their cache is of another window
        self.waiting += moved
        rows = [row for row, stream in enumerate(self.streams) if turn is None or stream in turn]
        if rows:
            # The others are read along, which costs less than to move them out of the way, and do not keep what was read.
            last = [[stream.ids[-1]] for stream in self.streams]
            logits = self._ask(last, self.cache)  # [B, V]
            self.cache.forget([row for row in range(len(self.streams)) if row not in rows])
            taken += [(self.streams[row], self.streams[row].take(logits[row])) for row in rows]
        for stream in [stream for stream in self.waiting if turn is None or stream in turn]:
            own = self._begun.get(stream) or (stream.source or self.model).cache()
            rest = self._window(stream)[own.lengths[0] :]
            logits = self._ask([rest[:most]], own)  # [1, V]
            if most is not None and len(rest) > most:
                self._begun[stream] = own
                continue
            if self.cache is None:
                self.cache = own
            else:
                self.cache.join(own)
            self.waiting.remove(stream)
            self._begun.pop(stream, None)
            self.streams.append(stream)
            taken.append((stream, stream.take(logits[0])))
        self.remove(*[stream for stream in self.streams if stream.done])
        return taken

    def _window(self, stream: Stream) -> list[int]:
        """What the model looks at of the text."""
        return stream.ids[window_start(len(stream.ids), self.model.config.context) :]

    def _ask(self, ids: list[list[int]], cache: KVCache) -> Tensor:
        """ids [B, T] -> logits [B, V] of what follows, where the generators are"""
        return self.model.following(torch.tensor(ids, device=self.model.device), cache).float().cpu()

    @torch.inference_mode()
    def _keep(self, rows: list[int]) -> None:
        self.streams = [self.streams[row] for row in rows]
        if rows and self.cache is not None:
            self.cache.select(rows)
        else:
            self.cache = None


def _window_moves(stream: Stream, context: int) -> bool:
    """Does the model look at another stretch of the text than for the token before?"""
    return window_start(len(stream.ids), context) != window_start(len(stream.ids) - 1, context)


def stream(
    model: GPT | Reading, prompt_ids: Sequence[int], sampling: Sampling, stop_ids: Collection[int] = ()
) -> Iterator[Step]:
    """Write on from a prompt, token by token; a stop token is the last one told. Stop asking, and nothing more is computed.

    What beams find is known when they are done: their steps come all at once, at the end. Who wants to stop them before, or run
    something else between their tokens, advances a `BeamSearch`. Raises ValueError when the prompt is empty.
    """
    if sampling.beams > 1:
        return BeamSearch(model, prompt_ids, sampling, stop_ids).steps()
    batch = Batch(model)
    batch.add(Stream(prompt_ids, sampling, stop_ids))
    return _steps(batch)


def _steps(batch: Batch) -> Iterator[Step]:
    while len(batch):
        for _, taken in batch.step():
            yield taken
