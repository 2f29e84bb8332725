"""The recipe `summarization-scratch`: our own tokenizer and encoder-decoder, from random weights: first it learns to give back
the sentence that says most of a Wikipedia paragraph (gap_sentences.py), then to sum up abstracts of papers in a line (SciTLDR).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from playground.core.sentences import split
from playground.evaluation.text_metrics import ROUGE, rouge
from playground.scratch.seq2seq import Seq2Seq
from playground.scratch.tokenizer import MASK, Tokenizer
from playground.scratch.train import Trained
from playground.training import cards, given_tokenizer, passages, rewriting, summarization_cards
from playground.training.gap_sentences import GapSentence, gap_sentences
from playground.training.recipes import Job
from playground.training.rewriting import Pair, RewriterSettings, new_model, pair, train, write_all
from playground.training.scitldr import Abstract, abstracts

SPECIALS = (*rewriting.SPECIALS, MASK)
HELD = "SciTLDR, dev part"
LENGTH = 60  # tokens of a summary that is measured, at most
BEAMS = 4


@dataclass(frozen=True)
class SummarizerSettings(RewriterSettings):
    """epochs, rate: of the gap sentences; summary_epochs, summary_rate: of the abstracts.

    tokenizer_chars: of the paragraphs, from which, and from all abstracts, the tokenizer learns its merges.
    """

    context: int = 96
    source_context: int = 320
    epochs: int = 1
    dropout: float = 0.1
    summary_epochs: int = 4
    summary_rate: float = 2e-3
    tokenizer_chars: int = 4_000_000


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(SummarizerSettings(), **job.options.get("settings", {}))
    paragraphs = [line for text in passages.general(job.data).train["Wikipedia"] for line in text.split("\n")]
    learned, held = abstracts(job.data)
    tokenizer = given_tokenizer.of(job, SPECIALS)
    if tokenizer is None:
        tokenizer = learn_tokenizer(paragraphs, learned, settings)
    gaps = [gap_pair(tokenizer, gap, settings) for gap in gap_sentences(paragraphs)]
    summaries = [pair(tokenizer, one.text, said, settings) for one in learned for said in one.summaries]

    model = new_model(tokenizer, settings, job.seed)
    first, steps = train(model, gaps, settings, **job.session("learning to find what matters", "gaps.safetensors"))
    if not first.done:
        return cards.unfinished(job, first)
    later = replace(settings, epochs=settings.summary_epochs, rate=settings.summary_rate)
    second, more = train(model, summaries, later, **job.session("learning to sum up", "model.safetensors"))
    if not second.done:
        return cards.unfinished(job, second)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = Seq2Seq.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    record = {
        "format": rewriting.FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.source_context,
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings) | {"steps": steps, "summary_steps": more},
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    words = summarization_cards.SCRATCH
    metrics = {HELD: measured(shipped, reader, held)}
    finished = cards.write(job, words, record, files, metrics, len(gaps) + len(summaries), together(first, second))
    return cards.summary(job, finished)


def learn_tokenizer(paragraphs: Sequence[str], learned: Sequence[Abstract], settings: SummarizerSettings) -> Tokenizer:
    """Always the same for the same texts: of the paragraphs every so-manieth."""
    every = max(1, sum(map(len, paragraphs)) // settings.tokenizer_chars)

    def texts() -> Iterator[str]:
        yield from paragraphs[::every]
        for one in learned:
            yield one.text
            yield from one.summaries

    return Tokenizer.train(texts(), settings.vocabulary, SPECIALS)


def gap_pair(tokenizer: Tokenizer, gap: GapSentence, settings: RewriterSettings) -> Pair:
    """The sentence to be written, and what it is to be written of."""
    source, target = pair(tokenizer, f"{gap.before} {gap.sentence} {gap.after}".strip(), gap.sentence, settings)
    if gap.kept:
        return source, target
    ids = [
        *tokenizer.encode(gap.before),
        tokenizer.special(MASK),
        *tokenizer.encode(f" {gap.after}" if gap.after else ""),
    ]
    return [*ids[: settings.source_context - 1], source[-1]], target


def measured(model: Seq2Seq, tokenizer: Tokenizer, held: Sequence[Abstract]) -> dict[str, Any]:
    """ROUGE of the model's summaries, 0..1, greedily and by beams, beside that of each text's first sentence."""
    texts = [one.text for one in held]
    said = {
        "": write_all(model, tokenizer, texts, LENGTH),
        "beams_": write_all(model, tokenizer, texts, LENGTH, beams=BEAMS),
        "lead_": [split(text)[0] for text in texts],
    }
    found: dict[str, Any] = {"n": len(held)}
    for who, summaries in said.items():
        each = [rouge(one.summaries, summary) for one, summary in zip(held, summaries, strict=True)]
        found |= {f"{who}{name}": round(sum(row[name] for row in each) / len(each), 4) for name in ROUGE}
    return found


def together(first: Trained, second: Trained) -> Trained:
    """Two stages as one: their seconds and their curves, one after the other."""
    curve = [*first.curve, *((first.step + step, loss) for step, loss in second.curve)]
    return replace(second, step=first.step + second.step, seconds=first.seconds + second.seconds, curve=curve)
