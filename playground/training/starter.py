"""The recipe `generation-general`: a small Llama of transformers' own architecture, from random weights, on novels.

Llama: Touvron et al. 2023, arXiv 2302.13971. Its tokenizer is a byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909; the byte
level: Radford et al. 2019, section 2.2), learned from the same novels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from playground.scratch.train import Trained, fit
from playground.training import cards, lora, novels, writing_cards
from playground.training.evaluate_writing import bits_per_byte
from playground.training.lora_masked import keep_memory
from playground.training.recipes import Job
from playground.training.scratch_fit import schedule, take_average

FORMAT = "causal-lm"
END = "<|endoftext|>"


@dataclass(frozen=True)
class StarterSettings:
    """`tokens` are read in all, `batch` of them in a step. lengths: (share of the steps, tokens of a window): short windows first,
    which cost less (Li et al. 2022, arXiv 2108.06084), the context's whole length in the end.

    tokenizer_chars: of the training text, from which the tokenizer learns its merges. bfloat16: matrices are multiplied in it
    (autocast); weights, loss and optimizers stay float32.
    """

    vocabulary: int = 6144
    tokenizer_chars: int = 16_000_000
    dim: int = 320
    layers: int = 6
    heads: int = 5
    hidden: int = 864
    context: int = 512
    tokens: int = 8_000_000
    batch: int = 4096
    lengths: tuple[tuple[float, int], ...] = ((0.5, 128), (0.35, 256), (0.15, 512))
    rate: float = 4e-3
    warmup: float = 0.03
    decay: float = 0.01
    averaging: float = 0.99
    bfloat16: bool = True

    @property
    def steps(self) -> int:
        return max(1, round(self.tokens / self.batch))


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(StarterSettings(), **job.options.get("settings", {}))
    books = novels.read(job.data)
    tokenizer = learn_tokenizer(books.train, settings)
    ids = stream(tokenizer, books.train)
    model = new_model(settings, tokenizer, job.seed)
    trained = train(model, ids, settings, **job.session("reading novels", "model.safetensors"))
    if not trained.done:
        return cards.unfinished(job, trained)
    save(model, tokenizer, job)
    with lora.quiet():
        shipped = AutoModelForCausalLM.from_pretrained(job.out, dtype=torch.float32).eval()
        reader = AutoTokenizer.from_pretrained(job.out)
    metrics: dict[str, Any] = {}
    for part, texts in {"test": books.test, "dev": books.dev}.items():
        metrics[part] = writing_cards.figures(foreseen(shipped, reader, texts), texts)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.context,
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
    }
    files = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    words = writing_cards.general(books)
    finished = cards.write(job, words, record, files, metrics, settings.steps * settings.batch, trained)
    return cards.summary(job, finished)


def foreseen(model: Any, tokenizer: PreTrainedTokenizerFast, texts: Mapping[str, str]) -> dict[str, float]:
    """See `bits_per_byte`. model: a decoder, plain or with an adapter."""
    return bits_per_byte(
        lambda window: model(input_ids=window).logits,
        lambda text: tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"],
        tokenizer.bos_token_id,
        texts,
        model.config.max_position_embeddings,
    )


def learn_tokenizer(documents: Sequence[str], settings: StarterSettings) -> PreTrainedTokenizerFast:
    """Always the same for the same documents: of each as long a beginning as all together may have. It reads line breaks of
    either kind.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace("\r\n", "\n"), normalizers.Replace(Regex("^\ufeff"), "")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    total = sum(map(len, documents))
    every = max(1, total // settings.tokenizer_chars)
    tokenizer.train_from_iterator(documents[::every], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, model_max_length=settings.context
    )


def stream(tokenizer: PreTrainedTokenizerFast, documents: Iterable[str]) -> np.ndarray:
    """int32 [N]: all documents one after the other, before each the token that says that one begins."""
    rows = tokenizer(list(documents), add_special_tokens=False, verbose=False)["input_ids"]
    return np.concatenate([np.array([tokenizer.bos_token_id, *row], dtype=np.int32) for row in rows])


def new_model(settings: StarterSettings, tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.dim,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        intermediate_size=settings.hidden,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        # Plain attention while it is trained: on a CPU the backward pass of the fused one takes longer.
        attn_implementation="eager",
    )
    return LlamaForCausalLM(config)


def train(model: LlamaForCausalLM, ids: np.ndarray, settings: StarterSettings, *, seed: int, **session: Any) -> Trained:
    """The model then holds the averaged weights, in evaluation mode. session: see `fit`."""
    batch_at = batches(ids, settings, seed, settings.steps)

    def loss_at(step: int) -> Tensor:
        tokens, following = (torch.from_numpy(part).long() for part in batch_at(step))  # [B, T] each
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state  # [B, T, D]
            logits = model.lm_head(hidden)
        return F.cross_entropy(logits.float().flatten(0, 1), following.flatten())

    keep_memory()
    named = dict(model.train().named_parameters())
    trained = fit(
        named,
        loss_at,
        schedule(settings.steps, settings),
        seed=seed,
        decay=settings.decay,
        betas=(0.9, 0.95),
        orthogonal=[name for name, p in named.items() if p.ndim == 2 and ".layers." in name],
        averaging=settings.averaging,
        **session,
    )
    take_average(model, trained)
    model.eval()
    return trained


def batches(ids: np.ndarray, settings: Any, seed: int, steps: int) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """A function from the step to its tokens and those that follow each, int32 [B, T] both. Blocks of the whole context's length,
    in a random order in which each comes once before any comes again; a step's blocks are cut into windows of its length.

    settings: `context`, `batch` and `lengths` of them, as `StarterSettings` has them.
    """
    block = settings.context
    count = (len(ids) - 1) // block
    per_step = max(1, settings.batch // block)
    if count < per_step:
        raise ValueError(f"{len(ids)} tokens are fewer than one step reads.")
    ends = [round(share * steps) for share in accumulate(share for share, _ in settings.lengths)]
    per_epoch = count // per_step

    def at(step: int) -> tuple[np.ndarray, np.ndarray]:
        length = next((one for end, (_, one) in zip(ends, settings.lengths, strict=True) if step < end), block)
        epoch, within = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(count)
        starts = order[within * per_step : (within + 1) * per_step] * block
        places = (starts[:, None] + np.arange(block)).reshape(-1, length)
        return ids[places], ids[places + 1]

    return at


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, job: Job) -> None:
    """As transformers reads it: config.json, model.safetensors (float16), the tokenizer's two files."""
    job.out.mkdir(parents=True, exist_ok=True)
    model.config._attn_implementation = "sdpa"
    with lora.quiet():
        model.to(torch.float16).save_pretrained(job.out)
    tokenizer.save_pretrained(job.out)
    (job.out / "generation_config.json").unlink(missing_ok=True)
