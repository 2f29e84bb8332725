"""What looks inside, as a part of the service: tokenizers, embeddings, attention; and tokenizers that visitors train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.core.protocols import EmbeddingPeek, Runtime, TokenInspector, TokenTrainer
from playground.core.token_types import TokenizerRef
from playground.service.attention import AttentionDesk
from playground.service.during import During
from playground.service.limits import Limits
from playground.service.meter import Meter
from playground.service.sessions import Sessions
from playground.service.token_embeddings import EmbeddingDesk
from playground.service.token_training import TokenTraining
from playground.service.tokens import TokenDesk
from playground.settings import Settings

if TYPE_CHECKING:
    from playground.catalog import Catalog
    from playground.core.registry import Registry
    from playground.core.task import Task


class InsideParts:
    """Of `Playground`, which makes what is named here first."""

    settings: Settings
    catalog: Catalog
    runtime: Runtime
    tasks: Registry[Task]
    _sessions: Sessions
    _meter: Meter
    _limits: Limits

    def furnish(
        self, inspector: TokenInspector | None, trainer: TokenTrainer | None, peek: EmbeddingPeek | None
    ) -> None:
        settings, catalog = self.settings, self.catalog
        self.training = TokenTraining(
            trainer,
            most_file=settings.max_upload_mb * 1_000_000,
            heard=self._sessions.touch,
            gone=self._forget_tokenizer,
        )
        self.tokens = TokenDesk(catalog, inspector, settings.hosted_models, self.training.choices)
        self.embeddings = EmbeddingDesk(catalog, self.tokens, peek)
        self.attention = AttentionDesk(
            catalog,
            self.runtime,
            self.tasks,
            During(self._limits, self._meter, self._sessions, self.runtime),
            limit=settings.max_input_chars,
            deadline=settings.deadline,
        )

    def _forget_tokenizer(self, ref: TokenizerRef) -> None:
        self.tokens.forget(ref)
