"""Beam search: several texts side by side, to find one that is likely as a whole.

The likeliest next token may lead nowhere good. So the `beams` likeliest beginnings are kept; each is continued by every token; the
likeliest of all these are kept again (Sutskever et al. 2014, arXiv 1409.3215, section 3.2). A text that reaches a stop token is
finished and leaves the race. What it is worth is its log-probability divided by its length to the power of `length_penalty`: a sum
of logarithms only falls, and long texts would never win (a simpler form of Wu et al. 2016, arXiv 1609.08144, section 7).

Which candidates count, and when the search is over, is as in transformers, so that both find the same text.

Letters in the comments, for shapes:
    N  beams      V  size of the vocabulary
"""

import math
from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor

from playground.scratch.gpt import GPT
from playground.scratch.sampling import Rules, Sampling, Step, penalise, told
from playground.scratch.seq2seq import Reading


class BeamSearch:
    """A search that goes on by one token with every `advance`, until it is `done`; then `best` is the text that it found.

    finished: (score, new tokens) of the best finished texts so far, the best first.
    """

    def __init__(
        self,
        model: GPT | Reading,
        prompt_ids: Sequence[int],
        sampling: Sampling,
        stop_ids: Collection[int] = (),
        rules: Rules | None = None,
    ) -> None:
        """rules: what must or must not come next. Raises ValueError when the prompt is empty, or prompt and new tokens do not fit
        into the model's context together.
        """
        if not prompt_ids:
            raise ValueError("A text goes on from at least one token.")
        longest = len(prompt_ids) + sampling.length
        if longest > model.config.context:
            raise ValueError(f"A text of {longest} tokens does not fit into a context of {model.config.context}.")
        self.model = model
        self.prompt = list(prompt_ids)
        self.sampling = sampling
        self.stop_ids = frozenset(stop_ids)
        self.rules = rules
        self.done = False
        self.finished: list[tuple[float, list[int]]] = []
        self._beams: list[list[int]] = [[]]  # new tokens of each; all begin alike, so it begins with one
        self._scores = torch.zeros(1)  # [N], log-probabilities
        with torch.inference_mode():
            self._cache = model.cache()
            self._logits = self._ask([self.prompt])  # [N, V]

    @property
    def best(self) -> list[int]:
        """The new tokens of the best text that is finished."""
        return self.finished[0][1]

    @torch.inference_mode()
    def advance(self) -> None:
        """One more token for every beam; nothing when the search is done."""
        if self.done:
            return
        count, length = self.sampling.beams, len(self._beams[0]) + 1
        last = length == self.sampling.length
        running = []
        for rank, (score, row, token) in enumerate(self._candidates()):
            if score == -math.inf:  # against the rules
                continue
            if not (last or token in self.stop_ids):
                running.append((score, row, token))
            elif rank < count:  # those behind are there so that enough stay in the race, and win nothing
                self.finished.append((self._worth(score, length), [*self._beams[row], token]))
        running = running[:count]
        self.finished = sorted(self.finished, key=lambda text: -text[0])[:count]
        full = len(self.finished) == count
        if not running or (
            full and (self.sampling.early or self._worth(running[0][0], length) <= self.finished[-1][0])
        ):  # nobody is left, or the best of those left is no better than the worst of the finished
            self.done = True
            return
        rows = [row for _, row, _ in running]
        self._beams = [[*self._beams[row], token] for _, row, token in running]
        self._scores = torch.tensor([score for score, _, _ in running])
        self._cache.select(rows)
        self._logits = self._ask([[token] for _, _, token in running])

    def steps(self) -> Iterator[Step]:
        """Search to the end; then the tokens that were found, one by one, with what the model thought of each."""
        while not self.done:
            self.advance()
        with torch.inference_mode():
            ids = torch.tensor([self.prompt + self.best[:-1]], device=self.model.device)
            logits = self.model(ids)[0, len(self.prompt) - 1 :].float().cpu()  # [new tokens, V]
        yield from map(told, logits, self.best)

    def _worth(self, score: float, length: int) -> float:
        return score / length**self.sampling.length_penalty

    def _candidates(self) -> list[tuple[float, int, int]]:
        """(score, beam, token) of the likeliest continuations, the likeliest first: as many as there are beams, and again for each
        stop token, so that as many stay in the race as there are beams.
        """
        scores = self._logits.log_softmax(dim=-1)  # [N, V]
        texts = [self.prompt + beam for beam in self._beams]
        if self.sampling.repetition_penalty != 1:
            penalty = self.sampling.repetition_penalty
            scores = torch.stack([penalise(*both, penalty) for both in zip(scores, texts, strict=True)])
        if self.rules is not None:
            scores = torch.stack([self.rules(*both) for both in zip(texts, scores, strict=True)])
        total = (scores + self._scores[:, None]).flatten()  # [N * V]
        best = total.topk(min(max(2, 1 + len(self.stop_ids)) * self.sampling.beams, len(total)))
        vocabulary = scores.shape[-1]
        places = [divmod(place, vocabulary) for place in best.indices.tolist()]
        return [(score, *place) for score, place in zip(best.values.tolist(), places, strict=True)]

    def _ask(self, ids: list[list[int]]) -> Tensor:
        """ids [N, T] -> logits [N, V] of what follows"""
        return self.model.following(torch.tensor(ids, device=self.model.device), self._cache).float().cpu()
