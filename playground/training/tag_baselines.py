"""What a tagger must beat on the same words: the most frequent tag of each word, and the entities of training looked up.

Standard library only. Both answer with a tag per word.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from playground.training.columns import Sentence, spans

LONGEST_ENTRY = 8  # words


def most_frequent_tags(train: Iterable[Sentence], asked: Sequence[Sentence]) -> list[list[str]]:
    """Each word's most frequent tag in training, whatever its case; for unknown words the most frequent tag of the words that
    training has once.
    """
    tags_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sentence in train:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            tags_of[word.lower()][tag] += 1
    once = Counter(tag for tags in tags_of.values() if tags.total() == 1 for tag in tags)
    unknown = (once or Counter(["O"])).most_common(1)[0][0]
    best = {word: tags.most_common(1)[0][0] for word, tags in tags_of.items()}
    return [[best.get(word.lower(), unknown) for word in sentence.words] for sentence in asked]


def dictionary(train: Sequence[Sentence], asked: Sequence[Sentence]) -> list[list[str]]:
    """Entities of training, found again: from the left, the longest entry first, with its most frequent type (as CoNLL-2003's
    baseline; Tjong Kim Sang and De Meulder 2003). Words that training has more often outside of entities are no entry.
    """
    types: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for sentence in train:
        for start, end, kind in spans(sentence.tags):
            if end - start <= LONGEST_ENTRY:
                types[_lower(sentence.words[start:end])][kind] += 1
    seen: Counter[tuple[str, ...]] = Counter()
    for sentence in train:
        low = _lower(sentence.words)
        for i in range(len(low)):
            ends = range(i + 1, min(len(low), i + LONGEST_ENTRY) + 1)
            seen.update(low[i:end] for end in ends if low[i:end] in types)
    entries = {words: kinds.most_common(1)[0][0] for words, kinds in types.items() if 2 * kinds.total() >= seen[words]}
    return [_looked_up(entries, _lower(sentence.words)) for sentence in asked]


def _looked_up(entries: dict[tuple[str, ...], str], words: tuple[str, ...]) -> list[str]:
    tags, at = [], 0
    while at < len(words):
        ends = range(min(len(words), at + LONGEST_ENTRY), at, -1)
        end = next((end for end in ends if words[at:end] in entries), None)
        if end is None:
            tags.append("O")
            at += 1
        else:
            kind = entries[words[at:end]]
            tags += [f"B-{kind}"] + [f"I-{kind}"] * (end - at - 1)
            at = end
    return tags


def _lower(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)
