"""Figures of a tagger for its card: on held-out sentences, beside the baselines on the same sentences. No torch."""

from collections.abc import Callable, Sequence
from typing import Any

from playground.training.columns import Sentence, spans
from playground.training.tag_baselines import dictionary, most_frequent_tags

Tags = Sequence[Sequence[str]]  # of each sentence, of each word
Tagger = Callable[[Sequence[Sentence]], Tags]


def entity_figures(held: Sequence[Sentence], said: Tags, kinds: Sequence[str]) -> dict[str, Any]:
    """conlleval's figures: F1, precision and recall over entities (the same words and the same type, or it is wrong), and the
    accuracy over words, which is high for anybody since most words are in no entity. `types`: F1 of each.

    Entities of types that a set does not mark do not count in it, nor does a word whose tag is not known.
    """
    gold: set[tuple[int, int, int, str]] = set()
    found: set[tuple[int, int, int, str]] = set()
    unmarked = {kind for sentence in held for kind in sentence.unmarked}
    right = words = 0
    for i, (sentence, tags) in enumerate(zip(held, said, strict=True)):
        known = [
            tag if true and tag[2:] not in unmarked else "O" for tag, true in zip(tags, sentence.tags, strict=True)
        ]
        true_tags = ["O" if tag[2:] in unmarked else tag for tag in sentence.tags]
        gold |= {(i, *span) for span in spans(true_tags)}
        found |= {(i, *span) for span in spans(known)}
        right += sum(a == b for a, b in zip(known, true_tags, strict=True))
        words += sum(bool(tag) for tag in true_tags)
    precision, recall, f1 = _scores(gold, found)
    types = {
        kind: round(_scores(*({x for x in part if x[3] == kind} for part in (gold, found)))[2], 4)
        for kind in kinds
        if kind not in unmarked and any(x[3] == kind for x in gold)
    }
    figures = {"n": len(held), "entities": len(gold), "f1": f1, "precision": precision, "recall": recall}
    figures["accuracy"] = right / words
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()} | {"types": types}


def _scores(gold: set[Any], found: set[Any]) -> tuple[float, float, float]:
    hits = len(gold & found)
    precision, recall = hits / len(found) if found else 0.0, hits / len(gold) if gold else 0.0
    return precision, recall, 2 * hits / (len(gold) + len(found)) if gold or found else 1.0


def word_accuracy(held: Sequence[Sentence], said: Tags) -> float:
    """Share of words with the right tag."""
    pairs = [pair for s, tags in zip(held, said, strict=True) for pair in zip(s.tags, tags, strict=True)]
    return round(sum(a == b for a, b in pairs) / len(pairs), 4)


def figures(tag: Tagger, train: Sequence[Sentence], held: Sequence[Sentence], labels: Sequence[str]) -> dict[str, Any]:
    """Of a tagger with these labels: entity figures (`n` counts sentences) or the accuracy of word classes (`n` counts words)."""
    if "O" not in labels:
        return {
            "n": sum(map(len, held)),
            "sentences": len(held),
            "accuracy": word_accuracy(held, tag(held)),
            "most_frequent_tag_accuracy": word_accuracy(held, most_frequent_tags(train, held)),
        }
    kinds = [label[2:] for label in labels if label.startswith("B-")]
    looked_up = entity_figures(held, dictionary(train, held), kinds)
    baselines = {f"dictionary_{key}": looked_up[key] for key in ("f1", "accuracy")}
    return entity_figures(held, tag(held), kinds) | baselines
