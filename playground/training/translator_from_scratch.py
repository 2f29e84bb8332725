"""The recipe `translation-scratch`: our own tokenizer and encoder-decoder, from random weights, on Tatoeba's sentences alone."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from sacrebleu.metrics import BLEU

from playground.scratch.seq2seq import Seq2Seq
from playground.scratch.tokenizer import Tokenizer
from playground.training import cards, given_tokenizer, tatoeba, translation_cards
from playground.training.recipes import Job
from playground.training.rewriting import FORMAT, SPECIALS, RewriterSettings, new_model, pair, train, write_all
from playground.training.tatoeba import Referenced, plain

LENGTH = 80  # tokens of a translation that is measured, at most
BEAMS = 4


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(RewriterSettings(), **job.options.get("settings", {}))
    data = tatoeba.read(job.data)
    tokenizer = given_tokenizer.of(job, SPECIALS)
    if tokenizer is None:
        tokenizer = Tokenizer.train((text for both in data.train for text in both), settings.vocabulary, SPECIALS)
    pairs = [pair(tokenizer, *both, settings) for both in data.train]
    model = new_model(tokenizer, settings, job.seed)
    trained, steps = train(model, pairs, settings, **job.session("learning", "model.safetensors"))
    if not trained.done:
        return cards.unfinished(job, trained)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = Seq2Seq.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    metrics = {
        part: measured(shipped, reader, sentences) for part, sentences in (("test", data.test), ("dev", data.dev))
    }
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.source_context,
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "plain": tatoeba.PLAIN,
        "sentences": True,  # it is given one sentence at a time
        "settings": asdict(settings) | {"steps": steps},
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    words = translation_cards.SCRATCH
    finished = cards.write(job, words, record, files, metrics, len(pairs), trained)
    return cards.summary(job, finished)


def measured(model: Seq2Seq, tokenizer: Tokenizer, sentences: Sequence[Referenced]) -> dict[str, Any]:
    """sacreBLEU of what the model writes, greedily and with beams, and of the sentences left in English."""
    sources = [sentence.source for sentence in sentences]
    asked = [plain(source) for source in sources]
    greedy = write_all(model, tokenizer, asked, LENGTH)
    searched = write_all(model, tokenizer, asked, LENGTH, beams=BEAMS)
    references = [sentence.references for sentence in sentences]
    return {
        "n": len(sentences),
        "sacrebleu": bleu(greedy, references),
        "beams_sacrebleu": bleu(searched, references),
        "one_reference_sacrebleu": bleu(greedy, [texts[:1] for texts in references]),
        "copied_sacrebleu": bleu(sources, references),
    }


def bleu(texts: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU with sacreBLEU's own settings (Post 2018, arXiv 1804.08771), 0..100; each text has one reference or several."""
    most = max(map(len, references))
    columns = [[one[i] if i < len(one) else None for one in references] for i in range(most)]
    return round(BLEU().corpus_score(list(texts), columns).score, 1)
