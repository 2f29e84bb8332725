"""What the loaders of our own models share: one from its folder, as its recipe saves it (`playground.scratch`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._encoder_insides import EncoderInsides, OwnBody
from playground.engine.models._forms import Form
from playground.engine.models._identity import identity_of


class ScratchModel(ABC):
    """A module of our own, whatever it reads. form: of its answers."""

    form: Form
    path: str | None = None
    labels: tuple[str, ...] = ()  # its config counts labels; the catalog names them

    def __init__(self, module: Any, context: LoadContext) -> None:
        self.module, self.device = module, context.device
        self.identity = identity_of(module, context)

    @property
    def group(self) -> Hashable:
        return id(self)

    @property
    def insides(self) -> EncoderInsides:
        body = OwnBody(self.module, lambda row, record: self.forward([row], record))
        return EncoderInsides(self, self.form, body, self.module.config.max_length)

    @abstractmethod
    def forward(self, rows: Sequence[Any], record: list[Any] | None = None) -> Any:
        """What the module makes of rows of the kind's own, on the device; `record` receives each layer's attention weights
        [B, H, T, T].
        """


class WholeTextModel(ScratchModel):
    """One that reads a text as a whole, after <cls>, as in training."""

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        from playground.scratch.tokenizer import CLS

        super().__init__(module, context)
        self.tokenizer = tokenizer
        self._first = [tokenizer.special(CLS)]
        self._first_name = CLS

    def encode(self, text: str, max_length: int) -> Encoded:
        ids = self._first + self.tokenizer.encode(text)
        most = min(max_length, self.module.config.max_length)
        return Encoded({"input_ids": ids[:most]}, len(ids) > most)

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        """As `encode`. A token that holds only a part of a character's bytes stands for the whole character."""
        _, spans = self.tokenizer.encode_with_offsets(text)
        most = min(max_length, self.module.config.max_length) - 1
        places = [(0, 0), *characters(text, spans[:most])]
        return (self._first_name, *(text[start:end] for start, end in places[1:])), tuple(places)

    def forward(self, rows: Sequence[Encoded], record: list[Any] | None = None) -> Any:
        import torch

        ids, mask = padded([row.inputs["input_ids"] for row in rows], self.device)  # [B, T] each
        with torch.inference_mode():
            return self.module(ids, mask) if record is None else self.module(ids, mask, record)


def build(
    ref: ModelRef, context: LoadContext, model: Callable[..., Any], config: Callable[..., Any]
) -> tuple[Any, Any]:
    """A module of this class and config, in evaluation mode on the device, and its tokenizer. Raises ModelError."""
    import torch

    from playground.scratch import tokenizer as tokenizers

    context.report("reading the weights", 0.0)
    weights.verify(ref, but=(weights.WEIGHTS,))
    state = weights.tensors(ref)
    try:
        with hf.building:  # the weights, too: where peft attaches elsewhere meanwhile, assigning one makes an empty one
            with torch.device(
                "meta"
            ):  # no random start: it would be thrown away, and would stir others' random numbers
                module = model(config(**weights.read_json(ref, "config.json")))
            module.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
        tokenizer = tokenizers.load(Path(ref.folder))
    except (RuntimeError, TypeError, ValueError, KeyError, OSError) as error:
        raise LoadFailed(f"The model {ref.id} cannot be built from its files: train it or get it again.") from error
    context.report("moving to the device", 0.8)
    return hf.to_device(module, ref, context), tokenizer


def padded(rows: Sequence[Sequence[int]], device: Any, padding: int = 0) -> tuple[Any, Any]:
    """Numbers [B, T] and mask [B, T] on the device."""
    from playground.scratch.model import pad

    numbers, mask = pad([list(row) for row in rows], padding)
    if device.type == "cuda":
        numbers, mask = numbers.pin_memory(), mask.pin_memory()
    return numbers.to(device, non_blocking=True), mask.to(device, non_blocking=True)


def characters(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """[start, end) of tokens in a text's bytes -> in its characters. What holds a part of a character stands for all of it."""
    if text.isascii():
        return list(spans)
    at: list[int] = []  # the character that each byte is part of
    for place, character in enumerate(text):
        at += [place] * len(character.encode("utf-8", "surrogatepass"))
    return [(at[start], at[end - 1] + 1) for start, end in spans]
