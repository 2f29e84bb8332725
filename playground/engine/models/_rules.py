"""What a checkpoint's own generation config says of how it writes: tokens that must or must not come, and how beams are judged.

transformers' `generate` keeps to it without a word, and so do we: a Marian model never writes its padding, BART's summaries begin
and end with a token of their own and repeat no three words. What a visitor sets (temperature, top-k) is not the config's to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Manner:
    """start: what a text begins with before its first token. stops: tokens that end it. length_penalty, early: of beams, see
    `Sampling`.
    """

    start: int
    stops: frozenset[int]
    length_penalty: float = 1.0
    early: bool = False
    said: dict[str, Any] = field(default_factory=dict)  # of the config, what `rules` keeps to

    @classmethod
    def of(cls, config: Any, model_config: Any) -> Manner:
        """config: a `GenerationConfig`. Raises ValueError where it has no token to begin with."""
        begin = config.decoder_start_token_id
        if begin is None:
            begin = getattr(model_config, "decoder_start_token_id", None)
        if begin is None:
            begin = config.bos_token_id
        if begin is None:
            raise ValueError("no decoder_start_token_id")
        stops = _listed(config.eos_token_id)
        penalty = config.length_penalty
        return cls(
            start=int(_listed(begin)[0]),
            stops=frozenset(stops),
            length_penalty=1.0 if penalty is None else float(penalty),
            early=config.early_stopping is True,
            said={name: value for name in _KEPT if _says(name, value := getattr(config, name, None))},
        )

    @property
    def stops_at_length(self) -> bool:
        return "forced_eos_token_id" in self.said

    def settled(self, sampling: Any) -> Any:
        """A visitor's `Sampling` with what is the checkpoint's own."""
        return replace(sampling, length_penalty=self.length_penalty, early=self.early)

    def rules(self, length: int) -> Any:
        """`scratch.sampling.Rules` of a text of so many new tokens; None where there is nothing to keep to."""
        import torch
        from transformers import LogitsProcessorList

        found = LogitsProcessorList([make(self, length) for name, make in _KEPT.items() if name in self.said])
        if not found:
            return None

        def keep(ids: Any, scores: Any) -> Any:
            kept = found(torch.tensor([list(ids)]), scores[None].clone())
            return kept[0]

        return keep


def _says(name: str, value: Any) -> bool:
    """A token may be number 0; of lengths 0 says nothing."""
    return (
        value is not None and value is not False and not (value == 0 and name in ("no_repeat_ngram_size", "min_length"))
    )


def _listed(value: Any) -> list[int]:
    return [] if value is None else [value] if isinstance(value, int) else list(value)


def _ngrams(manner: Manner, length: int) -> Any:
    from transformers import NoRepeatNGramLogitsProcessor

    return NoRepeatNGramLogitsProcessor(manner.said["no_repeat_ngram_size"])


def _bad_words(manner: Manner, length: int) -> Any:
    from transformers import NoBadWordsLogitsProcessor

    return NoBadWordsLogitsProcessor(manner.said["bad_words_ids"], eos_token_id=sorted(manner.stops))


def _min_length(manner: Manner, length: int) -> Any:
    """Of no more than the length that was asked for."""
    from transformers import MinLengthLogitsProcessor

    return MinLengthLogitsProcessor(min(manner.said["min_length"], length), sorted(manner.stops))


def _forced_bos(manner: Manner, length: int) -> Any:
    from transformers import ForcedBOSTokenLogitsProcessor

    return ForcedBOSTokenLogitsProcessor(manner.said["forced_bos_token_id"])


def _forced_eos(manner: Manner, length: int) -> Any:
    from transformers import ForcedEOSTokenLogitsProcessor

    return ForcedEOSTokenLogitsProcessor(1 + length, manner.said["forced_eos_token_id"])


def _suppressed(manner: Manner, length: int) -> Any:
    from transformers import SuppressTokensLogitsProcessor

    return SuppressTokensLogitsProcessor(manner.said["suppress_tokens"])


def _normalized(manner: Manner, length: int) -> Any:
    from transformers import LogitNormalization

    return LogitNormalization()


_KEPT = {  # in the order of `generate`
    "no_repeat_ngram_size": _ngrams,
    "bad_words_ids": _bad_words,
    "min_length": _min_length,
    "forced_bos_token_id": _forced_bos,
    "forced_eos_token_id": _forced_eos,
    "suppress_tokens": _suppressed,
    "renormalize_logits": _normalized,
}
