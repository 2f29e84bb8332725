"""Tokenizers that visitors train: one at a time each, two at once in all, and what came of it for as long as the page is open."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from playground.core.cancel import Cancel
from playground.core.errors import (
    BadFile,
    Busy,
    EmptyInput,
    InputError,
    InternalError,
    NotSupported,
    PlaygroundError,
    ServerFull,
    UnknownName,
)
from playground.core.protocols import TokenTrainer
from playground.core.token_training import (
    KIND_TITLES,
    LEAST_SIZE,
    MOST_SIZE,
    MOST_TEXT,
    TrainedTokenizer,
    TrainingKind,
    TrainingProgress,
)
from playground.core.token_types import Opener, TokenizerRef

log = logging.getLogger(__name__)

MOST_EACH = 4  # tokenizers kept for one page
MOST_IN_ALL = 120  # some 1 MB each
AT_ONCE = 2
LONGEST = 300.0  # seconds of one training
LONGEST_NAME = 40


@dataclass(frozen=True)
class OwnTokenizer:
    """asked: the size that was asked for; a small text gives fewer tokens. text_bytes: of what it was learned from."""

    ref: TokenizerRef
    trained: TrainedTokenizer
    asked: int
    text_bytes: int


@dataclass(frozen=True)
class TrainingState:
    """progress: of the training in progress, or None. seconds: since it began. error: what became of the last one, if nothing did.
    kept: the oldest first.
    """

    progress: TrainingProgress | None
    seconds: float
    error: str
    kept: tuple[OwnTokenizer, ...]


class _Page:
    def __init__(self) -> None:
        self.cancel: Cancel | None = None  # of the training in progress
        self.progress = TrainingProgress("waiting")
        self.since = 0.0
        self.error = ""
        self.kept: dict[str, OwnTokenizer] = {}  # by id


class TokenTraining:
    """Thread-safe. heard: hears of a session that is at work. gone: hears of each tokenizer that is no longer kept."""

    def __init__(
        self,
        trainer: TokenTrainer | None,
        most_file: int,
        heard: Callable[[str], None] = lambda session: None,
        gone: Callable[[TokenizerRef], None] = lambda ref: None,
    ) -> None:
        self._trainer, self._most_file, self._heard, self._gone = trainer, most_file, heard, gone
        self._lock = threading.Lock()
        self._pages: dict[str, _Page] = {}

    def start(self, session: str, data: bytes, kind: str, size: int, name: str = "", *, file: bool = False) -> None:
        """Begins to train and returns. data: a text in UTF-8, from a file or typed.

        Raises InputError and its kin for what cannot be trained on, Busy while this page trains another one, ServerFull.
        """
        if self._trainer is None:
            raise NotSupported("Tokenizers cannot be trained on this server: start it with `python app.py`.")
        if kind not in [*TrainingKind]:
            raise UnknownName("kind of tokenizer", kind, [*TrainingKind])
        if not LEAST_SIZE <= size <= MOST_SIZE:
            raise InputError(f"A vocabulary can have {LEAST_SIZE:,} to {MOST_SIZE:,} tokens: choose another size.")
        data = checked(data, self._most_file if file else MOST_TEXT, file=file)
        chosen, cancel = TrainingKind(kind), Cancel(LONGEST)
        self._heard(session)
        with self._lock:
            page = self._pages.setdefault(session, _Page())
            if page.cancel is not None:
                raise Busy("A tokenizer is being trained for this page: wait for it, or stop it.")
            if len(page.kept) >= MOST_EACH:
                raise InputError(f"A page keeps {MOST_EACH} tokenizers: remove one, then train again.")
            working = sum(other.cancel is not None for other in self._pages.values())
            if working >= AT_ONCE or working + sum(len(p.kept) for p in self._pages.values()) >= MOST_IN_ALL:
                raise ServerFull("Others are training tokenizers just now: try again in a minute.", retry_after=30.0)
            page.cancel, page.error, page.progress = cancel, "", TrainingProgress("starting")
            page.since = time.monotonic()
        title = " ".join(name.split())[:LONGEST_NAME]
        threading.Thread(
            target=self._work,
            args=(session, page, cancel, data, chosen, size, title),
            name="token-training",
            daemon=True,
        ).start()

    def _work(
        self, session: str, page: _Page, cancel: Cancel, data: bytes, kind: TrainingKind, size: int, title: str
    ) -> None:
        assert self._trainer is not None

        def tell(progress: TrainingProgress) -> None:
            page.progress = progress

        trained, error = None, ""
        try:
            trained = self._trainer.train(data, kind, size, tell, cancel)
        except PlaygroundError as refused:
            error = str(refused)
        except Exception:
            log.exception("a tokenizer could not be trained")
            error = str(InternalError())
        with self._lock:
            page.cancel = None
            page.error = error or ("" if trained else "Stopped: nothing was kept.")
            if trained is not None and not cancel.is_set and self._pages.get(session) is page:
                own = OwnTokenizer(_ref(trained, title, page.kept), trained, size, len(data))
                page.kept[own.ref.id] = own

    def state(self, session: str) -> TrainingState:
        with self._lock:
            page = self._pages.get(session)
            if page is None:
                return TrainingState(None, 0.0, "", ())
            working = page.cancel is not None
            seconds = time.monotonic() - page.since if working else 0.0
            return TrainingState(page.progress if working else None, seconds, page.error, tuple(page.kept.values()))

    def stop(self, session: str) -> None:
        """The training in progress is ended; nothing is kept of it."""
        with self._lock:
            page = self._pages.get(session)
            cancel = page.cancel if page else None
        if cancel is not None:
            cancel.set()

    def choices(self, session: str) -> list[TokenizerRef]:
        return [own.ref for own in self.state(session).kept]

    def get(self, session: str, name: str) -> OwnTokenizer:
        """Raises UnknownName."""
        for own in self.state(session).kept:
            if own.ref.id == name:
                return own
        raise UnknownName("tokenizer of this page", name)

    def remove(self, session: str, name: str) -> None:
        """Raises UnknownName."""
        own = self.get(session, name)
        with self._lock:
            if (page := self._pages.get(session)) is not None:
                page.kept.pop(name, None)
        self._gone(own.ref)

    def close(self, session: str) -> None:
        """The page was left: its training ends, its tokenizers are forgotten."""
        with self._lock:
            page = self._pages.pop(session, None)
        if page is None:
            return
        if (cancel := page.cancel) is not None:
            cancel.set()
        for own in page.kept.values():
            self._gone(own.ref)

    def close_all(self) -> None:
        with self._lock:
            sessions = list(self._pages)
        for session in sessions:
            self.close(session)


def checked(data: bytes, most: int, *, file: bool) -> bytes:
    """The text in UTF-8, without a mark of byte order. Raises EmptyInput, InputError, BadFile."""
    what = "file" if file else "text"
    if len(data) > most:
        raise InputError(
            f"The {what} has {len(data) / 1e6:.1f} MB and the limit is {most / 1e6:g} MB: take a part of it."
        )
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None or (file and "\0" in text):
        raise BadFile(f"This {what} is not text in UTF-8: save it as plain text in UTF-8 and choose it again.")
    if not text.strip():
        raise EmptyInput(f"There is nothing in this {what} to learn from: take one with some sentences.")
    return data


def _ref(trained: TrainedTokenizer, title: str, kept: dict[str, OwnTokenizer]) -> TokenizerRef:
    """Its name is the visitor's, its id is made of that name's letters; both are this page's alone."""
    title = title or f"{KIND_TITLES[trained.kind]} {trained.size:,}"
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:LONGEST_NAME] or trained.kind
    name, number = slug, 2
    while f"own/{name}" in kept:
        name, number = f"{slug}-{number}", number + 1
    shown = title if number == 2 else f"{title} ({number - 1})"
    opener = Opener.SCRATCH if trained.kind is TrainingKind.SCRATCH else Opener.HUB
    return TokenizerRef(f"own/{name}", f"{shown} · yours", opener, content=trained.content)
