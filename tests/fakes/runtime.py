"""A runtime without models: it answers at once and always the same, from the text alone; or as a test scripts it."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.core import segment
from playground.core.bio import Scheme
from playground.core.calls import (
    Ablate,
    AblateEach,
    Attend,
    Call,
    Classify,
    Embed,
    Extract,
    Foresee,
    Generate,
    LookThrough,
    Match,
    Pick,
    Repeat,
    Rewrite,
    Tag,
)
from playground.core.cancel import Cancel
from playground.core.errors import InputError, NotSupported, PlaygroundError
from playground.core.events import Cancelled, Emit, Emitter, Event, Failed, Finished, Queued
from playground.core.status import Device, Queue, RuntimeReport, Totals
from playground.core.types import (
    Embeddings,
    ModelRef,
    Output,
    Resident,
    Span,
    Spans,
    Stats,
    in_order,
)
from playground.core.writing_types import Text
from playground.engine.scores import chosen, judged
from tests.fakes.ablation import fake_ablated, fake_lens, fake_progress
from tests.fakes.answers import fake_extracted
from tests.fakes.attention import fake_attention, fake_repeats
from tests.fakes.writing import fake_foreseen, fake_picked, fake_text, partials

DIMENSIONS = 16
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")  # of a tagger whose reference names none


@dataclass
class Script:
    """How one call goes. `events` come first; then `delay` seconds; then `hold` waits for `release`; then `error`, `output`
    or, with neither, the usual answer. A text is written word by word, with `pause` seconds before each.
    """

    events: tuple[Event, ...] = ()
    delay: float = 0.0
    pause: float = 0.0
    hold: bool = False
    error: PlaygroundError | None = None
    output: Output | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        self.released.set()


class FakeRuntime:
    """Implements `core.protocols.Runtime`. Calls without a delay or pause are answered before `submit` returns.

    scripts: for the next calls, in order; `always`: for all others. calls: what was submitted.
    """

    def __init__(self, *, always: Script | None = None, labels: tuple[str, ...] = ("negative", "positive")) -> None:
        self.calls: list[Call] = []
        self.warmed: list[ModelRef] = []
        self.scripts: deque[Script] = deque()
        self.always = always or Script()
        self.labels = labels
        self.closed = False
        self._lock = threading.Lock()
        self._running: set[threading.Thread] = set()

    def script(self, **how: object) -> Script:
        """Says how the next unscripted call goes: `runtime.script(error=Busy("..."))`. Returns it, to be released."""
        script = Script(**how)  # type: ignore[arg-type]
        self.scripts.append(script)
        return script

    def submit(self, call: Call, emit: Emit, cancel: Cancel) -> FakeHandle:
        token = cancel.child()
        send = Emitter(emit)
        with self._lock:
            self.calls.append(call)
            script = self.scripts.popleft() if self.scripts else self.always
        token.on_set(lambda: send(Cancelled()))
        send(Queued(ahead=0))
        for event in script.events:
            send(event)
        if script.delay or script.hold or script.pause:
            thread = threading.Thread(target=self._later, args=(call, send, token, script), daemon=True)
            self._running.add(thread)
            thread.start()
        else:
            self._answer(call, send, token, script)
        return FakeHandle(token)

    def _later(self, call: Call, send: Emitter, token: Cancel, script: Script) -> None:
        stopped = threading.Event()
        token.on_set(stopped.set)
        token.on_set(script.released.set)
        stopped.wait(script.delay)
        if script.hold:
            script.released.wait()
        self._answer(call, send, token, script, stopped)
        self._running.discard(threading.current_thread())

    def _answer(
        self, call: Call, send: Emitter, token: Cancel, script: Script, stopped: threading.Event | None = None
    ) -> None:
        stats = Stats(model=call.model.id, revision=call.model.revision or None)
        if script.error is not None:
            send(Failed(error=script.error, stats=stats))
        else:
            try:
                output = script.output or answer(call, self.labels)
            except PlaygroundError as error:
                send(Failed(error=error, stats=stats))
            else:
                meanwhile: Iterable[Event] = ()
                if isinstance(call, Generate | Rewrite) and isinstance(output, Text):
                    meanwhile = partials(output, call.writing)
                elif isinstance(call, AblateEach):
                    meanwhile = fake_progress(call)[0]
                for event in meanwhile:
                    if (stopped is not None and stopped.wait(script.pause)) or not send(event):
                        return
                send(Finished(output=output, stats=fake_stats(call, output)))
        token.set()  # takes it off its parent

    @property
    def running(self) -> int:
        """Delayed and held calls still under way."""
        return len(self._running)

    def status(self) -> list[Resident]:
        ids = dict.fromkeys(call.model.id for call in self.calls)
        return [
            Resident(model=id_, state="ready", bytes=1000, leases=0, hits=0, loads=1, load_seconds=0.01) for id_ in ids
        ]

    def report(self) -> RuntimeReport:
        gb = 2**30
        device = Device("cpu", "float32", 2, budget=2 * gb, used=1000, free=4 * gb, total=8 * gb, process=gb // 2)
        return RuntimeReport(device, tuple(self.status()), Queue(running=self.running), Totals(loads=1))

    def expected_wait(self, user: str = "") -> float | None:
        return None

    def pin(self, key: str, pinned: bool) -> bool:
        return False

    def unload(self, key: str | None = None) -> int:
        return 0

    def warm(self, refs: Sequence[ModelRef], *, pin: bool = False) -> None:
        self.warmed.extend(refs)

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class FakeHandle:
    token: Cancel

    def cancel(self) -> None:
        self.token.set()


def answer(call: Call, labels: tuple[str, ...] = ("negative", "positive")) -> Output:
    """What FakeRuntime says to a call: the same text and model give the same answer, everywhere."""
    if isinstance(call, Classify):
        names = call.model.labels or labels
        logits = 2 * _numbers(f"{call.model.id} {call.text}", len(names))
        return judged(names, logits, call.model.thresholds) if call.many else chosen(names, logits)
    if isinstance(call, Match):
        return _matched(call)
    if isinstance(call, Tag):
        return _tagged(call)
    if isinstance(call, Extract):
        return fake_extracted(call.question, call.context, call.model.id)
    if isinstance(call, Embed):
        vectors = np.stack([embed(text) for text in call.texts])
        return Embeddings(vectors, tuple(len(text.split()) + 2 for text in call.texts))
    if isinstance(call, Generate | Rewrite):
        return fake_text(call)
    if isinstance(call, Pick):
        return fake_picked(call)
    if isinstance(call, Foresee):
        return fake_foreseen(call)
    if isinstance(call, Ablate):
        return fake_ablated(call)
    if isinstance(call, AblateEach):
        return fake_progress(call)[1]
    if isinstance(call, LookThrough):
        return fake_lens(call)
    if isinstance(call, Attend):
        return fake_attention(call)
    if isinstance(call, Repeat):
        return fake_repeats(call)
    raise NotSupported(f"FakeRuntime has no answer to {type(call).__name__}.")


def _matched(call: Match) -> Output:
    """By the words that a text and a candidate have in common, whatever the model; scaled and offset as the real one does."""
    if not call.candidates:
        raise InputError("There are no labels to compare the text with: name at least one.")
    names = [candidate.label for candidate in call.candidates]
    cosines = np.array([embed(call.text) @ embed(candidate.text) for candidate in call.candidates])
    if call.many:
        return judged(names, call.scale * cosines - call.offset, (call.threshold,) * len(names))
    return chosen(names, call.scale * cosines)


def _tagged(call: Tag) -> Spans:
    """Line by line, as the real one. A word has the same tag wherever it stands; names are rare, as they are."""
    tags = call.model.labels or TAGS
    scheme = Scheme.read(tags)
    spans: list[Span] = []
    for line in segment.lines(call.text):
        words = segment.words(call.text, *line)
        rows = [_numbers(f"{call.model.id} {call.text[start:end].lower()}", len(tags)) for start, end in words]
        weights = np.exp(3 * np.array(rows).reshape(len(words), len(tags)))  # [words, tags]
        weights *= [4.0 if tag == "O" else 1.0 for tag in tags]
        spans += scheme.spans(call.text, words, weights / weights.sum(axis=1, keepdims=True))
    return Spans(in_order(spans), scheme.labels, "computed")


def embed(text: str) -> np.ndarray:
    """A unit vector, float32 [16]: the sum of its words', so that texts with words in common are near each other."""
    words = re.findall(r"\w+", text.lower()) or [text]
    total = np.sum([_numbers(word, DIMENSIONS) for word in words], axis=0)
    return (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)


def fake_stats(call: Call, output: Output | None = None) -> Stats:
    """A text that was written took 10 ms a word."""
    whole = isinstance(call, Classify | Match | Tag | Generate | Rewrite | Pick | Foresee)
    texts = (call.text,) if whole else call.texts if isinstance(call, Embed) else ()
    written = len(output.text.split()) if isinstance(output, Text) and isinstance(call, Generate | Rewrite) else None
    return Stats(
        model=call.model.id,
        revision=call.model.revision or None,
        fingerprint=hashlib.sha256(call.model.id.encode()).hexdigest()[:16],
        device="cpu",
        dtype="float32",
        parameters=1234,
        resident_bytes=4936,
        queue_seconds=0.0,
        latency_seconds=0.01 * written if written else 0.001,
        time_to_first_token_seconds=0.01 if written else None,
        tokens_in=sum(len(text.split()) + 2 for text in texts),
        tokens_out=written,
        tokens_per_second=100.0 if written else None,
        cache_hit=True,
        batch_size=1,
        truncated=False,
    )


def _numbers(text: str, count: int) -> np.ndarray:
    """`count` numbers in -1..1 from a text's digest."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(2 * count)
    return np.frombuffer(digest, dtype="<u2").astype(np.float64) / 32767.5 - 1
