"""What models share that read a text in windows: taggers, readers, fillers of gaps."""

from __future__ import annotations

from playground.engine.inputs import Encoded
from playground.engine.models import _gaps, _questions, _words


class Windowed:
    """`reader` cuts texts into windows; what there is to look into is the first of them. Device thread only."""

    reader: _gaps.Reader | _questions.Questions | _words.Reader

    def encode(self, text: str, max_length: int) -> Encoded:
        return self.reader.encode(text, max_length)

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return self.reader.shown(text, max_length)
