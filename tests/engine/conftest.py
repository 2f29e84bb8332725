"""Tiny models, made once per run by transformers and peft themselves, and loaders that load nothing."""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from playground.core.cancel import Cancel
from playground.core.types import ModelRef
from playground.engine.cache import Loaded

from .taggers import Taggers, make

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported, which is later

LABELS = ("negative", "positive")
WORDS = "a b good bad film book plot very not the was is and i it loved hated every minute of".split()


@dataclass(frozen=True)
class TinyModels:
    """Folders: a BERT encoder, two LoRA adapters over it, a whole BERT classifier, and our own classifier."""

    encoder: Path
    adapters: tuple[Path, Path]
    classifier: Path
    scratch: Path

    @property
    def encoder_ref(self) -> ModelRef:
        return ModelRef("tiny/encoder", "encoder", str(self.encoder), revision="r1", max_length=32)

    def adapter_ref(self, index: int) -> ModelRef:
        folder = str(self.adapters[index])
        return ModelRef(
            f"tiny/lora{index}", "lora-classifier", folder, base=self.encoder_ref, labels=LABELS, max_length=32
        )

    @property
    def classifier_ref(self) -> ModelRef:
        return ModelRef("tiny/whole", "pipeline-classifier", str(self.classifier), max_length=32)

    @property
    def scratch_ref(self) -> ModelRef:
        return ModelRef("tiny/scratch", "scratch-classifier", str(self.scratch), labels=LABELS, max_length=32)

    @property
    def all_refs(self) -> tuple[ModelRef, ...]:
        return (self.adapter_ref(0), self.adapter_ref(1), self.classifier_ref, self.scratch_ref)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> TinyModels:
    import warnings

    import torch
    import transformers
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    from playground.scratch.model import EncoderClassifier, EncoderConfig
    from playground.scratch.tokenizer import Tokenizer as OurTokenizer

    transformers.utils.logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {token: index for index, token in enumerate(specials + WORDS)}
    plain = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    plain.normalizer = normalizers.Lowercase()
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), specials, strict=True))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=48, **names)

    def config(**more):
        shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
        return transformers.BertConfig(
            vocab_size=len(vocabulary), max_position_embeddings=48, initializer_range=0.5, **shape, **more
        )

    def save(model, name):
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
        return root / name

    encoder = save(transformers.BertModel(config()), "encoder")
    named = {"id2label": {0: "NEGATIVE", 1: "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}}
    classifier = save(transformers.BertForSequenceClassification(config(**named)), "whole")
    adapters = []
    for index in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
            base = transformers.BertForSequenceClassification.from_pretrained(encoder, num_labels=2)
            lora = LoraConfig(
                task_type="SEQ_CLS",
                r=4,
                lora_alpha=8,
                target_modules=["query", "key", "value", "dense"],
                modules_to_save=["classifier"],
            )
            model = get_peft_model(base, lora)
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                torch.nn.init.normal_(parameter, std=0.5)
        model.save_pretrained(root / f"lora{index}")
        adapters.append(root / f"lora{index}")
    ours = OurTokenizer.train([" ".join(WORDS)] * 3, 300, lowercase=True)
    shape = EncoderConfig(vocabulary=len(ours), dim=24, layers=2, heads=2, hidden=48, max_length=40)
    EncoderClassifier(shape).save(root / "scratch")
    ours.save(root / "scratch" / "tokenizer.json")
    return TinyModels(encoder, (adapters[0], adapters[1]), classifier, root / "scratch")


@pytest.fixture(scope="session")
def taggers(tmp_path_factory) -> Taggers:
    return make(tmp_path_factory.mktemp("taggers"))


@pytest.fixture(scope="session")
def matchers(tmp_path_factory, tiny):
    from . import matchers

    return matchers.make(tmp_path_factory.mktemp("matchers"), tiny)


@pytest.fixture(scope="session")
def fillers(tmp_path_factory, tiny):
    from . import fillers

    return fillers.make(tmp_path_factory.mktemp("fillers"), tiny)


@pytest.fixture(scope="session")
def writers(tmp_path_factory):
    from . import writers

    return writers.make(tmp_path_factory.mktemp("writers"))


@pytest.fixture(scope="session")
def looked(tmp_path_factory, tiny, taggers, matchers, fillers, writers):
    from . import looked_into

    root = tmp_path_factory.mktemp("looked")
    return looked_into.Looked(looked_into.cases(root, tiny, taggers, matchers, fillers, writers))


@dataclass
class FakeBackend:
    """Loads a string in `seconds`, with faults on demand. It knows who is in memory, and complains where the cache breaks
    its word: a base unloaded before its child, a model loaded twice at once or unloaded while in use.

    costs: seconds that a load says it would take again; `gate` and `unload_gate` hold loads and unloads up until set.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    measured: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    faults: list[BaseException] = field(default_factory=list)
    fault: object = None  # a function of the id: an error to raise, or None
    loads: list[str] = field(default_factory=list)
    unloads: list[str] = field(default_factory=list)
    alive: set[str] = field(default_factory=set)
    using: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    costs: dict[str, float] = field(default_factory=dict)
    unload_faults: list[BaseException] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    unload_gate: threading.Event | None = None
    reclaimed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def estimate(self, ref):
        return self.sizes.get(ref.id, 10)

    def load(self, ref, base, report):
        with self.lock:
            self.loads.append(ref.id)
            if ref.id in self.alive:
                self.wrong.append(f"{ref.id} was loaded twice")
            if ref.base is not None and (base is None or ref.base.id not in self.alive):
                self.wrong.append(f"{ref.id} was loaded without its base")
            self.alive.add(ref.id)
            if ref.base is not None:
                self.parents[ref.id] = ref.base.id
            fault = self.faults.pop(0) if self.faults else self.fault(ref.id) if callable(self.fault) else None
        try:
            report("reading", 0.0)
            if self.gate is not None:
                assert self.gate.wait(10), "nobody opened the gate"
            if self.seconds:
                time.sleep(self.seconds)
            report("reading", 0.5)
            if fault is not None:
                raise fault
        except BaseException:
            with self.lock:
                self.alive.discard(ref.id)
            raise
        return Loaded(f"model {ref.id}", self.measured.get(ref.id, self.estimate(ref)), self.costs.get(ref.id))

    def unload(self, ref, value):
        with self.lock:
            self.unloads.append(ref.id)
            if self.using.get(ref.id):
                self.wrong.append(f"{ref.id} was unloaded while in use")
            if ref.id not in self.alive:
                self.wrong.append(f"{ref.id} was unloaded twice")
            if any(self.parents.get(other) == ref.id for other in self.alive):
                self.wrong.append(f"{ref.id} was unloaded before what stands on it")
            fault = self.unload_faults.pop(0) if self.unload_faults else None
        if self.unload_gate is not None:
            assert self.unload_gate.wait(10), "nobody opened the gate"
        with self.lock:
            self.alive.discard(ref.id)
        if fault is not None:
            raise fault

    def reclaim(self):
        self.reclaimed += 1

    def enter(self, ref):
        with self.lock:
            for node in (ref, ref.base):
                if node is not None:
                    self.using[node.id] = self.using.get(node.id, 0) + 1
                    if node.id not in self.alive:
                        self.wrong.append(f"{node.id} was leased and is not there")

    def leave(self, ref):
        with self.lock:
            for node in (ref, ref.base):
                if node is not None:
                    self.using[node.id] -= 1
                    if node.id not in self.alive:
                        self.wrong.append(f"{node.id} went while in use")


def ref(name: str, base: ModelRef | None = None) -> ModelRef:
    return ModelRef(name, "fake", f"/nowhere/{name}", base=base)


class Answer:
    """A callback for `acquire` that can be waited for."""

    def __init__(self):
        self.leases, self.error, self.times, self.ready = (), None, 0, threading.Event()

    def __call__(self, leases, error):
        self.leases, self.error = leases, error
        self.times += 1
        self.ready.set()

    def wait(self, seconds=30.0):
        assert self.ready.wait(seconds), "no answer"
        return self


def eventually(condition, seconds=30.0):
    """Waits until it is true: long, because other programs may have both cores for seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.002)


def token(seconds=20.0) -> Cancel:
    return Cancel(seconds)
