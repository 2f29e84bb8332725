"""A checkpoint for natural language inference, used as it is: does a claim follow from a text? (Yin, Hay and Roth 2019, arXiv
1909.00161: a label is written as a claim, and holds where the claim follows.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.core.errors import NotSupported
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import EncodedPair
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._forms import CLAIM
from playground.engine.models._sequence import MAPPING, SequenceModel


class PipelineNli(SequenceModel):
    """follows, against: which logits say that a claim follows, and that it does not."""

    form = CLAIM

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext, follows: int, against: Sequence[int]) -> None:
        super().__init__(module, tokenizer, context)
        self._follows, self._against = follows, list(against)

    def encode(self, text: str, max_length: int) -> EncodedPair:
        """Of what there is to look into: a text, and behind its last line break a claim; one line is a text without one."""
        at = _claim(text)
        return self.pair(text[: max(0, at - 1)], text[at:], max_length)

    def pieces(self, text: str, max_length: int) -> hf.Pieces:
        return hf.pair_pieces(self.tokenizer, text, _claim(text), min(max_length, self.longest))

    def pair(self, text: str, claim: str, max_length: int) -> EncodedPair:
        return hf.encode_pair(self.tokenizer, text, claim, min(max_length, self.longest))

    def entailment(self, rows: Sequence[EncodedPair]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            logits = self.forward(rows).logits.float()  # [B, L]
            against = logits[:, self._against].logsumexp(dim=1)
            found: np.ndarray = torch.stack([against, logits[:, self._follows]], dim=1).cpu().numpy()
        return found


def _claim(text: str) -> int:
    """Where it begins.

    >>> _claim("He slept.\\nHe was awake."), _claim("He slept.")
    (10, 10)
    """
    return text.rfind("\n") + 1 or len(text) + 1


def roles(names: Mapping[int, str]) -> tuple[int, list[int]] | None:
    """The logit of entailment, and those of its opposite, by their names; None where none is called so. Of three kinds the
    opposite is contradiction: what is neutral says nothing either way.

    >>> roles({0: "entailment", 1: "not_entailment"})
    (0, [1])
    >>> roles({0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"})
    (2, [0])
    >>> roles({0: "LABEL_0", 1: "LABEL_1"}) is None
    True
    """
    follows = [place for place, name in names.items() if name.lower().startswith("entail")]
    others = [place for place in names if place not in follows]
    if len(follows) != 1 or not others:
        return None
    return follows[0], [place for place in others if names[place].lower().startswith("contra")] or others


class NliLoader:
    name = "pipeline-nli"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineNli:
        weights.weight_files(ref)  # says what is missing before anything is read
        said = weights.read_json(ref, "config.json").get("id2label")
        names = {int(place): str(name) for place, name in said.items()} if isinstance(said, dict) else {}
        found = roles(names)
        if found is None:
            raise NotSupported(
                f"The model {ref.id} does not say which of its answers is entailment: choose one for zero-shot labels."
            )
        module, tokenizer = hf.load_pretrained(ref, MAPPING, context)
        return PipelineNli(module, tokenizer, context, *found)

    def unload(self, model: PipelineNli, context: LoadContext) -> None:
        pass


LOADER = NliLoader()
