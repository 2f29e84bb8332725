"""How tokenizers read texts, without the models that own them."""

from playground.inspection.tokens.inspector import LocalInspector
from playground.inspection.tokens.trainer import ChildTrainer

__all__ = ["ChildTrainer", "LocalInspector"]
