"""What the cards of the translating models say that no run can measure."""

from playground.training import cards, data_cards

LICENSE = data_cards.APACHE + "Tatoeba is CC BY 2.0 FR and asks to be named"
HELD_OUT = (
    "English sentences of four words or more with all their French ones (“test” and “dev”), chosen by their SHA-256; no sentence "
    "that differs from one of them in case and punctuation alone is trained on"
)
ONE_SENTENCE = "It knows single sentences of everyday talk, about seven words long: of a paragraph it makes little."
KINDS = "Many held-out sentences resemble one that was trained on: on other texts it is worse than these figures."
TU_VOUS = "English does not say whether “you” is tu or vous, he or she: what it takes is what the set has most often."

EACH_SENTENCE = "It reads one sentence at a time, of {max_length} tokens at most: of a longer one the end is left out."
EPOCHS = ", each once an epoch"

GENERAL = cards.Words(
    title="A starter translator: a small T5, English to French",
    task="translation",
    tier="pretrained",
    trained_on="short everyday sentences (Tatoeba)",
    data=data_cards.TATOEBA,
    license=LICENSE,
    held_out=HELD_OUT,
    limits=(
        ONE_SENTENCE,
        KINDS,
        TU_VOUS,
        "Of rare words and names it makes something else, fluently, and does not say so.",
    ),
    counted="sentences",
    learned="pairs of sentences",
    repeats=EPOCHS,
    reads=EACH_SENTENCE,
)

FAMILIAR = cards.Words(
    title="The starter translator, speaking to a friend: tu instead of vous",
    task="translation",
    tier="finetuned",
    trained_on="short everyday sentences to a friend (Tatoeba)",
    data=(
        *data_cards.TATOEBA,
        "Of them only those that say tu, te, toi, ton, ta or tes, and no vous: English has one “you”, and letters to friends, "
        "games and many apps want tu throughout.",
    ),
    license=LICENSE,
    held_out=f"those with a translation that says tu, of {HELD_OUT}",
    limits=(
        "It says tu to everybody: a letter to a customer or to several people needs another model.",
        "Whether an order says tu (“Viens !”) or vous (“Venez !”) is not measured here, where the verb alone tells.",
        ONE_SENTENCE,
        KINDS,
    ),
    counted="sentences",
    learned="pairs of sentences",
    repeats=EPOCHS,
    reads=EACH_SENTENCE,
)

SCRATCH = cards.Words(
    title="Translation, English to French, from scratch",
    task="translation",
    tier="scratch",
    trained_on=f"Tatoeba's sentences, {data_cards.NOTHING_ELSE}",
    data=data_cards.TATOEBA,
    license=LICENSE,
    held_out=HELD_OUT,
    limits=(
        ONE_SENTENCE,
        KINDS,
        TU_VOUS,
        "It makes mistakes in plain sentences, too: nothing that matters should rest on it.",
    ),
    counted="sentences",
    learned="pairs of sentences",
    reads=EACH_SENTENCE,
)
