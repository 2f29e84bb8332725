"""What the cards of the three readers say that no run can measure."""

from functools import partial

from playground.training import cards, data_cards

READS = (
    "A context of more than {max_length} tokens, the question's among them, is read in windows that overlap, and the spans of all "
    "windows are compared: nothing is cut off."
)
CC_BY_SA = "CC BY-SA 4.0, as the Wikipedia text that it was trained on"
QUESTIONS = "questions about Wikipedia paragraphs (SQuAD 1.1)"
BESIDE_PARAGRAPH = "questions with their paragraph"
DEV = "SQuAD 1.1's dev articles of the folder (half of all), none of them in training"
LIMITS = (
    "It quotes: an answer is a stretch of the context, never a sum, a yes or a no. It cannot put two places together.",
    "“No answer” is judged from pairs of a question and a paragraph of another place; a paragraph that nearly answers is harder, "
    "and there it often quotes what stands nearest.",
    "English only. The encoder reads no capitals.",
)

# What the three have in common.
_words = partial(cards.Words, task="qa", counted="questions", reads=READS)

QA_GENERAL = _words(
    title="Answers quoted from a text: a LoRA adapter over all-MiniLM-L6-v2",
    tier="pretrained",
    trained_on=QUESTIONS,
    data=data_cards.SQUAD,
    license=CC_BY_SA,
    held_out=DEV,
    limits=(
        "It was trained on the shorter paragraphs of SQuAD, up to the length that the settings name (`trained_length`, in tokens, "
        "the question's among them), and on about three quarters of their questions, each once.",
        *LIMITS,
    ),
    learned=BESIDE_PARAGRAPH,
)
QA_KNOWLEDGE_BASE = _words(
    title="Answers from a company's knowledge base: a LoRA adapter over all-MiniLM-L6-v2",
    tier="finetuned",
    trained_on="a company's knowledge base (28 articles, 280 questions), after SQuAD 1.1",
    data=(*data_cards.KNOWLEDGE_BASE, *data_cards.SQUAD),
    license=CC_BY_SA + ", from whose adapter it goes on; the knowledge base itself is CC0",
    held_out="8 of the 40 articles with their 80 questions; 4 others set the threshold",
    limits=(
        "It goes on from `qa-general` and learns what such articles are like: steps, menus, prices, error codes. It has not "
        "learned the articles by heart: the one with the answer has to be given.",
        "80 questions are few: the figures may be off by some hundredths. All articles have one author, and so the same habits.",
        *LIMITS,
    ),
    learned="questions with their article",
)
QA_SCRATCH = _words(
    title="Answers quoted from a text: a transformer from scratch",
    tier="scratch",
    trained_on=f"{QUESTIONS}, {data_cards.NOTHING_ELSE}",
    data=data_cards.SQUAD,
    license=CC_BY_SA,
    held_out=DEV,
    limits=(
        "It has read some ten thousand paragraphs in its life, a few minutes long: it looks for stretches near the question's own "
        "words, of the kind that is asked for (a year, a name), and understands little else.",
        *LIMITS[:1],
        "English only.",
    ),
    learned=BESIDE_PARAGRAPH,
)
