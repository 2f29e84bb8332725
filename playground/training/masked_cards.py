"""What the cards of the three masked language models say that no run can measure."""

from functools import partial

from playground.training import cards, data_cards

READS = (
    "Of a text that is longer than {max_length} tokens each mask sees the {max_length} around it; nothing else of the text bears "
    "on it, and nothing is cut off in silence: the answer says so. One mask stands for one word that is one piece of the "
    "vocabulary; several masks are filled each by itself, as if the others stayed masked."
)
BY_SA = "CC BY-SA 4.0, as Wikipedia's text, which it was trained on"
ALL_MASKED = (
    "Hidden words were always replaced by [MASK]. Devlin et al. (2019) leave some as they are and replace some by others, for "
    "tasks without masks; this model is only ever asked at a mask."
)
SQUARE = "Words longer than one piece (names, rare words) can be no answer, and were never hidden in training or test."
BIAS = (
    "It repeats what texts say of people, their prejudices included: compare “The nurse said that [MASK]” with “The doctor said "
    "that [MASK]”. Its probabilities are those of words in texts, not of facts in the world."
)
ENGLISH = "English only, in lower case: capitals are neither read nor written."

WIKIPEDIA_TEST = (
    "WikiText-2's valid part (“test”), no article of which was trained on, and a tenth of Wikipedia's articles, by the SHA-256 "
    "of their titles (“dev”)"
)
OVERLAPPING = ", in windows that overlap by chance"

# What the three have in common.
_words = partial(cards.Words, task="fill-mask", counted="words", learned="tokens of text", reads=READS)

GENERAL = _words(
    title="Missing words: a LoRA adapter over all-MiniLM-L6-v2",
    tier="pretrained",
    trained_on="Wikipedia paragraphs, and novels of 1839 to 1932",
    data=data_cards.WIKIPEDIA + data_cards.NOVELS,
    license=BY_SA,
    held_out=f"{WIKIPEDIA_TEST}. One word is hidden in each window of 128 tokens",
    limits=(
        "A model of this size that has read a few million words: BERT, of five times its size, read three billion, and is right at "
        "more than half of such words.",
        SQUARE,
        ALL_MASKED,
        BIAS,
        ENGLISH,
    ),
    repeats=OVERLAPPING,
)
MEDICAL = _words(
    title="Missing words of medical abstracts: a LoRA adapter over all-MiniLM-L6-v2",
    tier="finetuned",
    trained_on="abstracts of medical papers (BC5CDR, NCBI Disease), after Wikipedia and novels",
    data=data_cards.BC5CDR + data_cards.NCBI + data_cards.WIKIPEDIA + data_cards.NOVELS,
    license="CC BY-SA 4.0, as Wikipedia's text, which the adapter that it went on from was trained on; BC5CDR CC BY 4.0",
    held_out=(
        "the last 900 sentences of BC5CDR's dev set (“test”), NCBI's last 300, and the 600 of BC5CDR before its last (“dev”)"
    ),
    limits=(
        "It starts from the adapter `fill-mask-general`. Medical abstracts were chosen because their words (patients, induced, "
        "mg, tumor) are common there and rare elsewhere: what a niche does to probabilities can be seen on nearly every line.",
        "On any other text `fill-mask-general` is the better one.",
        "Abstracts of papers of some years, not clinical notes. It fills gaps with what is frequent, which is no medical advice.",
        SQUARE,
        ALL_MASKED,
        ENGLISH,
    ),
    repeats=", each many times with other words hidden",
)
SCRATCH = _words(
    title="Missing words: a transformer from scratch",
    tier="scratch",
    trained_on=f"Wikipedia paragraphs, {data_cards.NOTHING_ELSE}",
    data=data_cards.WIKIPEDIA,
    license=BY_SA,
    held_out=WIKIPEDIA_TEST,
    limits=(
        "It has read a few hundred thousand words in its life. It knows which words are frequent, and which follow each other; "
        "what a sentence is about bears little on its answers.",
        SQUARE,
        ALL_MASKED,
        BIAS,
        "English only.",
    ),
    repeats=OVERLAPPING,
)
