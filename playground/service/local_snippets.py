"""The code of cards whose model is on this machine: what each loader's template needs, and which template that is."""

from __future__ import annotations

from playground.catalog import Catalog, Checkpoint
from playground.core import gaps
from playground.core.calls import Fill, Generate, Match, Pick
from playground.core.extract_task import CONTEXT
from playground.core.task import Task
from playground.core.types import ModelRef, MultiLabels, Request
from playground.service import (
    classifier_snippets,
    masked_snippets,
    matcher_snippets,
    picking_snippets,
    reader_snippets,
    rewriting_snippets,
    tagger_snippets,
    writing_snippets,
)
from playground.service.snippet_parts import Render, relative, written


def _hub(template: str) -> Render:
    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        return template.format(
            title=task.title,
            text=repr(text),
            model=repr(checkpoint.id),
            revision=repr(checkpoint.revision or "main"),
            max_length=checkpoint.max_length,
            consistent="",
        )

    return render


def _tagger(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
    lora = tagger_snippets.LORA
    pieces = tagger_snippets.WORD_PIECES
    if checkpoint.capitals:
        lora, pieces = (
            lora.replace("import lines, words", "import capital, lines, words"),
            tagger_snippets.MARKED_PIECES,
        )
    return _bundled(lora + pieces + tagger_snippets.LOOP)(catalog, task, checkpoint, text)


def _bundled(template: str) -> Render:
    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        return template.format(
            title=task.title,
            name=checkpoint.title,
            text=repr(text),
            labels=written(list(checkpoint.labels)),
            folder=repr(relative(catalog, checkpoint)),
            max_length=checkpoint.max_length,
            consistent=", consistent=True",
            thresholds=written(list(checkpoint.thresholds or (0.5,) * len(checkpoint.labels))),
        )

    return render


def _classifier(template: str) -> Render:
    """Of a text as a whole: one label, or each by itself."""
    one, each = _bundled(template + matcher_snippets.ONE), _bundled(template + classifier_snippets.EACH)

    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        return (each if task.kind == MultiLabels.kind else one)(catalog, task, checkpoint, text)

    return render


def _matcher(template: str) -> Render:
    """What the task asks such a model, as code."""

    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        call = task.call(ModelRef(checkpoint.id, checkpoint.loader, ""), Request(text))
        assert isinstance(call, Match)
        entails = checkpoint.loader == "pipeline-nli"
        read = matcher_snippets.EACH if call.many else matcher_snippets.ONE
        return (template + read).format(
            title=task.title,
            name=checkpoint.title,
            text=repr(text),
            candidates=written({candidate.label: candidate.text for candidate in call.candidates}),
            model=repr(checkpoint.id),
            revision=repr(checkpoint.revision or "main"),
            folder=repr(relative(catalog, checkpoint)) if checkpoint.folder is not None else "",
            max_length=checkpoint.max_length,
            scale=f"{call.scale:g}",
            offset=f" - {call.offset:g}" if call.many else "",
            threshold="0.5" if entails else f"{call.threshold:g}",
            compared=matcher_snippets.NLI_EACH if call.many else matcher_snippets.NLI_ONE,
        )

    return render


def _reader(template: str) -> Render:
    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        return (template + reader_snippets.LOOP).format(
            title=task.title,
            name=checkpoint.title,
            text=repr(text),
            context=repr(dict(task.values)[CONTEXT]),
            model=repr(checkpoint.id),
            revision=repr(checkpoint.revision or "main"),
            folder=repr(relative(catalog, checkpoint)) if checkpoint.folder is not None else "",
            max_length=checkpoint.max_length,
            no_answer=checkpoint.no_answer,
        )

    return render


def _masked(template: str) -> Render:
    """The text as the model is asked about it, its gaps as [MASK]; and the one to compare it with."""

    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        call = task.call(ModelRef(checkpoint.id, checkpoint.loader, ""), Request(gaps.normalised(text)))
        assert isinstance(call, Fill)
        return (template + masked_snippets.LOOP).format(
            title=task.title,
            name=checkpoint.title,
            texts=written([text for text in (call.text, call.other) if text]),
            model=repr(checkpoint.id),
            revision=repr(checkpoint.revision or "main"),
            folder=repr(relative(catalog, checkpoint)) if checkpoint.folder is not None else "",
            max_length=checkpoint.max_length,
        )

    return render


def _decoder(template: str) -> Render:
    """A text that goes on, with the settings of the card."""

    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        call = task.call(ModelRef(checkpoint.id, checkpoint.loader, ""), Request(text))
        assert isinstance(call, Generate)
        base = None if checkpoint.base is None else catalog.get(checkpoint.base)
        settings, after = writing_snippets.hub_settings(call.writing)
        return (template + after).format(
            title=task.title,
            name=checkpoint.title,
            text=repr(call.text),
            model=repr(checkpoint.id),
            revision=repr(checkpoint.revision or "main"),
            folder=repr(relative(catalog, checkpoint)) if checkpoint.folder is not None else "",
            base=repr(relative(catalog, base)) if base is not None else "",
            room=writing_snippets.room(call.writing, checkpoint.max_length),
            seed=call.writing.seed,
            settings=settings.rstrip("\n"),
        )

    return render


def _pretrained_decoder(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
    template = writing_snippets.HUB if checkpoint.hub else writing_snippets.BUNDLED
    return _decoder(template)(catalog, task, checkpoint, text)


def _scratch_decoder(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
    call = task.call(ModelRef(checkpoint.id, checkpoint.loader, ""), Request(text))
    assert isinstance(call, Generate)
    return writing_snippets.SCRATCH.format(
        title=task.title,
        text=repr(call.text),
        folder=repr(relative(catalog, checkpoint)),
        settings=writing_snippets.scratch_settings(call.writing).rstrip("\n"),
    )


def _picker(template: str) -> Render:
    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        call = task.call(ModelRef(checkpoint.id, checkpoint.loader, ""), Request(text))
        assert isinstance(call, Pick)
        return template.format(
            title=task.title,
            name=checkpoint.title,
            text=repr(text),
            most=call.most,
            folder=repr(relative(catalog, checkpoint)) if checkpoint.folder is not None else "",
            max_length=checkpoint.max_length,
        )

    return render


def _encoder(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
    """What the task asks an encoder: to compare a text with labels, or its sentences with one another."""
    call = task.call(ModelRef(checkpoint.id, checkpoint.loader, ""), Request(text))
    render = _picker(picking_snippets.ENCODER) if isinstance(call, Pick) else _matcher(matcher_snippets.ENCODER)
    return render(catalog, task, checkpoint, text)


RENDERERS: dict[str, Render] = {
    "pipeline-classifier": _hub(classifier_snippets.PIPELINE),
    "lora-classifier": _classifier(classifier_snippets.LORA),
    "scratch-classifier": _classifier(classifier_snippets.SCRATCH),
    "encoder": _encoder,
    "lora-picker": _picker(picking_snippets.LORA),
    "lora-encoder": _matcher(matcher_snippets.LORA_ENCODER),
    "scratch-encoder": _matcher(matcher_snippets.SCRATCH_ENCODER),
    "pipeline-nli": _matcher(matcher_snippets.NLI),
    "pipeline-decoder": _pretrained_decoder,
    "lora-decoder": _decoder(writing_snippets.LORA),
    "scratch-decoder": _scratch_decoder,
    "pipeline-seq2seq": rewriting_snippets.pretrained,
    "lora-seq2seq": rewriting_snippets.rewriter(rewriting_snippets.LORA),
    "scratch-seq2seq": rewriting_snippets.rewriter(rewriting_snippets.SCRATCH),
    "pipeline-masked": _masked(masked_snippets.PIPELINE),
    "lora-masked": _masked(masked_snippets.LORA),
    "scratch-masked": _masked(masked_snippets.SCRATCH),
    "pipeline-tagger": _hub(tagger_snippets.PIPELINE + tagger_snippets.WORD_PIECES + tagger_snippets.LOOP),
    "lora-tagger": _tagger,
    "scratch-tagger": _bundled(tagger_snippets.SCRATCH + tagger_snippets.LOOP),
    "pipeline-reader": _reader(reader_snippets.PIPELINE + reader_snippets.PAIRS),
    "lora-reader": _reader(reader_snippets.LORA + reader_snippets.PAIRS),
    "scratch-reader": _reader(reader_snippets.SCRATCH),
}
