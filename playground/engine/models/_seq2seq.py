"""What models over transformers' encoder-decoders share: they make a text of a text."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine.inputs import Encoded
from playground.engine.loaders import Identity
from playground.engine.models import _transformers as hf
from playground.engine.models._decoder import HubVocabulary
from playground.engine.models._rewriter_insides import HubBody, RewriterInsides
from playground.engine.models._rules import Manner
from playground.engine.writers import Prompt

UNBOUNDED = 2**16  # tokens that a decoder may write which knows no places, only distances


class Shape:
    """Of one checkpoint, for whatever stands on it: its vocabulary, and how it reads and writes. Raises LoadFailed."""

    def __init__(self, module: Any, tokenizer: Any, ref: ModelRef) -> None:
        from transformers import GenerationConfig

        self.tokenizer = tokenizer
        self.vocabulary = HubVocabulary(tokenizer, module.config, ref)
        positions = getattr(module.config, "max_position_embeddings", None)
        self.longest = min(hf.longest(module.config, tokenizer), ref.max_length)  # tokens of a source
        self.context = int(positions or UNBOUNDED)
        try:
            if (Path(ref.folder) / "generation_config.json").is_file():
                config = GenerationConfig.from_pretrained(ref.folder, local_files_only=True)
            else:
                config = GenerationConfig.from_model_config(module.config)
            self.manner = Manner.of(config, module.config)
        except (OSError, ValueError, TypeError) as error:
            raise LoadFailed(
                f"The model {ref.id} does not say how its texts begin: get this checkpoint again, or choose another."
            ) from error

    def source(self, text: str, most: int) -> Prompt:
        ids = self.tokenizer(text, verbose=False)["input_ids"]
        if len(ids) <= most:
            return Prompt(ids)
        cut = self.tokenizer(text, truncation=True, max_length=most, verbose=False)["input_ids"]
        return Prompt(cut, True)


class Seq2SeqModel:
    """enter: called before each pass: where adapters share the module, it puts one in force."""

    path: str | None = None
    labels: tuple[str, ...] = ()

    def __init__(self, module: Any, shape: Shape, identity: Identity, enter: Callable[[], None]) -> None:
        from playground.engine.models._sources import SourceDesk

        self.identity, self.shape = identity, shape
        self.vocabulary, self.context = shape.vocabulary, shape.context
        self._module, self._enter = module, enter
        manner = shape.manner
        self.stops_at_length = manner.stops_at_length
        self.desk = SourceDesk(self.read, manner.start, self.vocabulary.stop, manner.rules, manner.settled)

    @property
    def group(self) -> Hashable:
        return id(self)

    @property
    def insides(self) -> RewriterInsides:
        return RewriterInsides(self.vocabulary, HubBody(self._module, self.shape, self._enter))

    def encode(self, text: str, max_length: int) -> Encoded:
        found = self.source(text, max_length)
        return Encoded({"input_ids": found.ids}, found.truncated)

    def source(self, text: str, max_length: int) -> Prompt:
        return self.shape.source(text, min(max_length, self.shape.longest))

    def read(self, ids: Sequence[int]) -> Any:
        """A source's tokens [S] -> `_sourced.Reading`."""
        import torch

        from playground.engine.models._sourced import Reading

        self._enter()
        row = torch.tensor([list(ids)], device=self._module.device)
        mask = torch.ones_like(row)
        with torch.inference_mode():
            states = self._module.get_encoder()(input_ids=row, attention_mask=mask).last_hidden_state
        return Reading(self._decode, states, mask, self.context)

    def _decode(self, states: Any, mask: Any, ids: Any, past: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutput

        self._enter()
        return self._module(
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            attention_mask=mask,
            decoder_input_ids=ids,
            past_key_values=past,
            use_cache=past is not None,
        ).logits
