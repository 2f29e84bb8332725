"""The seams of the house. Nothing here computes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from playground.core.calls import Call
from playground.core.cancel import Cancel
from playground.core.embedding_types import Map, Neighbours
from playground.core.events import Emit
from playground.core.status import RuntimeReport
from playground.core.token_training import TrainedTokenizer, TrainingKind, TrainingProgress
from playground.core.token_types import Conversation, Derivation, Message, Reading, TokenizerRef
from playground.core.types import Choice, ModelRef, Request, Resident, Support

if TYPE_CHECKING:
    from playground.core.task import Task


class Handle(Protocol):
    """A run in flight. Its events come through the `emit` it was started with."""

    def cancel(self) -> None: ...


class Tier(Protocol):
    name: str

    def supports(self, task: Task, session: str = "") -> Support:
        """For this visitor: yes, or no with the reason that the card shows."""

    def choices(self, task: Task, session: str) -> Sequence[Choice]:
        """The model picker's rows for this visitor, the default first."""

    def start(self, task: Task, request: Request, emit: Emit, cancel: Cancel) -> Handle:
        """Starts without blocking. Raises nothing: every fault is a `Failed` event."""

    def close(self) -> None:
        """The server ends: what the tier keeps open is closed."""


class Runtime(Protocol):
    """Runs calls on models. `emit` may be called from any thread, and must not block."""

    def submit(self, call: Call, emit: Emit, cancel: Cancel) -> Handle: ...

    def status(self) -> list[Resident]: ...

    def report(self) -> RuntimeReport:
        """Everything the Status tab and /metrics show. Quick, and never waits for the device."""

    def expected_wait(self, user: str = "") -> float | None:
        """Seconds until a new call of this user would begin, were it sent now; None where nothing was measured yet."""

    def pin(self, key: str, pinned: bool) -> bool:
        """Keeps a resident (its `Resident.key`) from eviction, or no longer. False where it is not in memory."""

    def unload(self, key: str | None = None) -> int:
        """Unloads a resident that is idle, or (None) everything idle. Returns how many models go."""

    def warm(self, refs: Sequence[Any], *, pin: bool = False) -> None:
        """Loads these in the background, errors only logged. `pin`: they stay. Raises TooLarge, at once, where the pins
        would not fit into the budget together.
        """

    def close(self) -> None: ...


class Gateway(Protocol):
    """The stand-in endpoint: an address on this machine and the token it wants."""

    @property
    def base_url(self) -> str: ...

    @property
    def token(self) -> str: ...

    def serves(self, schema: Mapping[str, Any]) -> bool:
        """Whether it can fill a form of this JSON schema; of an empty one, whether it can go on with a text. Starts nothing."""

    def start(self) -> None:
        """Begins to listen, without waiting; where nobody calls it, the first look at `base_url` does."""

    def close(self) -> None: ...


class TokenInspector(Protocol):
    """Reads texts with any tokenizer, without the model that owns it. Thread-safe; keeps what it opened."""

    def read(self, ref: TokenizerRef, text: str, *, control: bool = False, special: bool = True) -> Reading:
        """control: control tokens that the text spells out (“<|endoftext|>”) are read as such, else as plain text. special: with
        the tokens that the tokenizer puts around a text. Raises LoadFailed, NotSupported.
        """

    def explain(
        self, ref: TokenizerRef, text: str, token: int, *, control: bool = False, special: bool = True
    ) -> Derivation:
        """How the token at this place of `read`'s answer came to be. Raises NotSupported where nothing can be said of it."""

    def converse(self, ref: TokenizerRef, messages: Sequence[Message]) -> Conversation:
        """Raises NotSupported where the tokenizer has no chat template."""

    def forms(self, ref: TokenizerRef, ids: Sequence[int]) -> Mapping[int, str]:
        """How the vocabulary writes these tokens; those that it does not have are not there."""

    def forget(self, ref: TokenizerRef) -> None:
        """What was opened of it is no longer kept."""


class TokenTrainer(Protocol):
    """Trains tokenizers where nothing else waits for it. Thread-safe."""

    def train(
        self, text: bytes, kind: TrainingKind, size: int, tell: Callable[[TrainingProgress], None], cancel: Cancel
    ) -> TrainedTokenizer | None:
        """Returns when it is done; None where `cancel` was set before. text: UTF-8. size: most tokens of the vocabulary.

        Raises InputError where nothing can be learned from this text, DeadlineExceeded.
        """


class EmbeddingPeek(Protocol):
    """Looks at a checkpoint's input embeddings, in its files: no model is loaded. Thread-safe. Raises LoadFailed, NotHere,
    DigestMismatch, TooLarge; NotSupported where there are none, or none for this token.
    """

    def neighbours(self, ref: ModelRef, token: int, most: int = 10) -> Neighbours:
        """The tokens whose vectors have the greatest cosine to this one's."""

    def map(self, ref: ModelRef, ids: Sequence[int]) -> Map:
        """These tokens on two axes, along which their vectors differ most."""
