"""What the cards of the translators of transformers' own architecture say that no run can measure."""

from functools import partial

from playground.training import cards

READS = "It reads one sentence at a time, of {max_length} tokens at most: of a longer one the end is left out."
TATOEBA = (
    "**Tatoeba** (sentences and translations by volunteers, tatoeba.org): English with French, of some "
    "sentences several. Licence: CC BY 2.0 FR. Blanks and apostrophes of all kinds became the plain ones.",
)
HELD_OUT = (
    "2,000 English sentences of at least 4 words (“test”) and 1,000 more (“dev”), chosen by their SHA-256, with all their "
    "translations; no sentence that differs from one of them in case and punctuation alone was trained on"
)

_words = partial(
    cards.Words,
    task="translation",
    data=TATOEBA,
    counted="sentences",
    learned="sentence pairs",
    held_out=HELD_OUT,
    reads=READS,
)


def general() -> cards.Words:
    return _words(
        title="A starter translator: a small T5, English to French",
        tier="pretrained",
        trained_on="short everyday sentences of Tatoeba",
        license="CC BY 2.0 FR, as its data",
        limits=(
            "It knows short everyday sentences. Of long sentences, rare words and names it makes something else, and "
            "does not say so.",
            "It says tu or vous, and he or she, as its sentences most often did.",
            "English to French only.",
        ),
        repeats=", each once an epoch",
    )
