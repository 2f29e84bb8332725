"""How tokenizers read texts, without the models that own them."""

from playground.inspection.tokens.inspector import LocalInspector

__all__ = ["LocalInspector"]
