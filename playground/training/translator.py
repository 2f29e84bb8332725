"""The recipe `translation-general`: a small T5 of transformers' own architecture, from random weights, on sentence pairs.

T5: Raffel et al. 2020, arXiv 1910.10683; with gated feed-forward layers as in its version 1.1 (Shazeer 2020, arXiv 2002.05202). A
deep encoder and a shallow decoder (Kasai et al. 2021, arXiv 2006.10369): the decoder runs once for each token that is written.
One vocabulary for both languages, by a byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909), learned from the same pairs.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from playground.scratch.train import Trained, fit
from playground.training import cards, lora, tatoeba, translation_cards
from playground.training.evaluate_translator import figures
from playground.training.lora_masked import keep_memory
from playground.training.pair_batches import PairBatches
from playground.training.recipes import Job
from playground.training.scratch_fit import schedule, take_average

FORMAT = "seq2seq-lm"
PAD, END = "<pad>", "</s>"


@dataclass(frozen=True)
class TranslatorSettings:
    """`batch`: target tokens of a step, with their padding. context: tokens of a sentence at most, its end mark included.

    smoothing: of the labels (Szegedy et al. 2016, arXiv 1512.00567, section 7). bfloat16: matrices are multiplied in it (autocast);
    weights, loss and optimizers stay float32.
    """

    vocabulary: int = 6000
    dim: int = 256
    layers: int = 4
    decoder_layers: int = 2
    heads: int = 4
    hidden: int = 512
    context: int = 96
    epochs: int = 4
    batch: int = 2600
    rate: float = 4e-3
    warmup: float = 0.03
    decay: float = 0.01
    smoothing: float = 0.1
    averaging: float = 0.99
    bfloat16: bool = True


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(TranslatorSettings(), **job.options.get("settings", {}))
    pairs = tatoeba.read(job.data)
    train_pairs = pairs.train[: job.options.get("limit")]
    tokenizer = learn_tokenizer((text for pair in train_pairs for text in pair), settings)
    model = new_model(settings, tokenizer, job.seed)
    batches = pair_batches(train_pairs, tokenizer, settings.batch, job.seed)
    trained = train(model, batches, settings, **job.session("reading sentence pairs", "model.safetensors"))
    if not trained.done:
        return cards.unfinished(job, trained)
    save(model, tokenizer, job)
    with lora.quiet():
        shipped = AutoModelForSeq2SeqLM.from_pretrained(job.out, dtype=torch.float32).eval()
        reader = AutoTokenizer.from_pretrained(job.out)
    held = {"test": pairs.test, "dev": pairs.dev}
    metrics = {part: figures(shipped, reader, texts, settings.context) for part, texts in held.items()}
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.context,
        "sentences": True,
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
    }
    files = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    read = settings.epochs * len(batches.sources)
    finished = cards.write(job, translation_cards.GENERAL, record, files, metrics, read, trained)
    return cards.summary(job, finished)


def learn_tokenizer(texts: Iterable[str], settings: TranslatorSettings) -> PreTrainedTokenizerFast:
    """Always the same for the same texts. It reads blanks and apostrophes of any kind as the plain ones, and puts the end mark
    after every text.
    """
    tokenizer = Tokenizer(models.BPE())
    plain = [normalizers.Replace(odd, usual) for odd, usual in tatoeba.PLAIN.items()]
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), *plain, normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, model_max_length=settings.context
    )


def pair_batches(
    pairs: tuple[tuple[str, str], ...], tokenizer: PreTrainedTokenizerBase, tokens: int, seed: int
) -> PairBatches:
    """Of pairs that are not longer than the tokenizer's model reads."""
    most = tokenizer.model_max_length
    sources, targets = (
        tokenizer([pair[side] for pair in pairs], truncation=True, max_length=most + 1)["input_ids"] for side in (0, 1)
    )
    short = [
        (source, target)
        for source, target in zip(sources, targets, strict=True)
        if max(len(source), len(target)) <= most
    ]
    return PairBatches(
        [source for source, _ in short], [target for _, target in short], tokens, tokenizer.pad_token_id, seed
    )


def new_model(
    settings: TranslatorSettings, tokenizer: PreTrainedTokenizerFast, seed: int
) -> T5ForConditionalGeneration:
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=settings.dim,
        d_kv=settings.dim // settings.heads,
        d_ff=settings.hidden,
        num_layers=settings.layers,
        num_decoder_layers=settings.decoder_layers,
        num_heads=settings.heads,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu",
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        # Plain attention while it is trained: on a CPU the backward pass of the fused one takes longer.
        attn_implementation="eager",
    )
    model = T5ForConditionalGeneration(config)
    _start_gently(model)
    return model


@torch.no_grad()
def _start_gently(model: T5ForConditionalGeneration) -> None:
    """As a GPT starts (Radford et al. 2019, section 2.3): all weights small, and what the sublayers add to the residual stream not
    growing with their number. T5's own start, embeddings of size one beside sublayers as large, learns slower here.
    """
    stream, key = model.config.d_model**0.5, model.config.d_kv**0.5
    model.shared.weight.normal_(std=0.02 * stream)
    for stack in (model.encoder, model.decoder):
        linear = {name: module for name, module in stack.named_modules() if isinstance(module, torch.nn.Linear)}
        ends = sum(_adds(name) for name in linear)
        for name, module in linear.items():
            scale = stream * ends**-0.5 if _adds(name) else 1 / key if name.endswith(".q") else 1.0
            module.weight.normal_(std=0.02 * scale)


def _adds(name: str) -> bool:
    """Whether this module's output is added to the residual stream."""
    return name.endswith((".o", ".wo"))


def train(
    model: T5ForConditionalGeneration, batches: PairBatches, settings: TranslatorSettings, *, seed: int, **session: Any
) -> Trained:
    """The model then holds the averaged weights, in evaluation mode. session: see `fit`."""
    _scaled(model, model.config.d_kv**-0.5)
    _streamed(model, model.config.d_model**-0.5)

    def loss_at(step: int) -> Tensor:
        return loss(model, batches(step), settings, 1.0)

    keep_memory()
    named = dict(model.train().named_parameters())
    trained = fit(
        named,
        loss_at,
        schedule(settings.epochs * batches.per_epoch, settings),
        seed=seed,
        decay=settings.decay,
        orthogonal=[name for name, p in named.items() if p.ndim == 2 and ".block." in name and "bias" not in name],
        averaging=settings.averaging,
        **session,
    )
    take_average(model, trained)
    _streamed(model, model.config.d_model**0.5)
    _scaled(model, 1.0)
    model.eval()
    return trained


def loss(
    model: T5ForConditionalGeneration, batch: tuple[Tensor, Tensor], settings: Any, scale: float | None = None
) -> Tensor:
    """batch: int64 [B, S], [B, T], padded -> scalar. Only where a token follows are its scores computed. settings: `smoothing` and
    `bfloat16` are used. scale: of the last vectors before they become scores; None: T5's, D ** -0.5.
    """
    sources, targets = batch
    pad = model.config.pad_token_id
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
        mask = sources != pad
        if bool(mask.all()):
            mask = None
        memory = model.encoder(input_ids=sources, attention_mask=mask).last_hidden_state  # [B, S, D]
        hidden = model.decoder(
            input_ids=model._shift_right(targets),
            encoder_hidden_states=memory,
            encoder_attention_mask=mask,
            use_cache=False,
        ).last_hidden_state  # [B, T, D]
        kept = targets != pad
        logits = model.lm_head(hidden[kept] * (model.config.d_model**-0.5 if scale is None else scale))  # [N, V]
    return F.cross_entropy(logits.float(), targets[kept], label_smoothing=settings.smoothing)


@torch.no_grad()
def _scaled(model: T5ForConditionalGeneration, scale: float) -> None:
    """The same function, its attention scores multiplied by `scale` after the product instead of in the weights of the queries, as
    T5 has it: an optimizer whose steps are all of one size would move scores too fast there.
    """
    for module in model.modules():
        if hasattr(module, "scaling"):
            module.q.weight.mul_(module.scaling / scale)
            module.scaling = scale


@torch.no_grad()
def _streamed(model: T5ForConditionalGeneration, factor: float) -> None:
    """The same function but for the rounding of its norms, whose input, the residual stream, is multiplied by `factor`: embeddings
    and all that is added to them. By D ** -0.5 the embeddings are of the size that their scores need (`loss`'s scale is 1 then),
    and an optimizer whose steps are all of one size moves them as fast as the rest.
    """
    model.shared.weight.mul_(factor)
    for name, module in model.named_modules():
        if _adds(name):
            module.weight.mul_(factor)


def save(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, job: Job) -> None:
    """As transformers reads it: the configurations, model.safetensors (float16), the tokenizer's two files."""
    job.out.mkdir(parents=True, exist_ok=True)
    model.config._attn_implementation = "sdpa"
    model.to(torch.float16).save_pretrained(job.out)
    tokenizer.save_pretrained(job.out)
