"""What the cards of the models from scratch for topics, intent, spam and zero-shot say that no run can measure."""

from playground.training import cards, data_cards
from playground.training.text_cards import ENGLISH
from playground.training.text_cards import INTENT as INTENT_ADAPTER
from playground.training.text_cards import SPAM as SPAM_ADAPTER
from playground.training.text_cards import TOPICS as TOPICS_ADAPTER
from playground.training.text_cards import ZERO_SHOT as ZERO_SHOT_ADAPTER

TOPICS = cards.Words(
    title="28 emotions of comments, several at once: a transformer from scratch",
    task="topics",
    tier="scratch",
    trained_on=f"GoEmotions comments, {data_cards.NOTHING_ELSE}",
    data=data_cards.GOEMOTIONS,
    license=TOPICS_ADAPTER.license,
    held_out=TOPICS_ADAPTER.held_out,
    limits=(
        "It has read 43,000 comments in its life and nothing else: it knows the words that go with an emotion, and little of what "
        "is said between the lines.",
        "Rare emotions (grief, pride, relief, nervousness) had a few hundred comments or fewer to learn from, and their F1 here "
        "hangs on a dozen texts.",
        "A threshold is the best for F1, not the score where a label is as likely as not: a label can hold at 0.2.",
        "Comments of one forum (Reddit, 2005 to 2019). It repeats its raters' judgements and the forum's biases.",
        ENGLISH,
    ),
)
INTENT = cards.Words(
    title="Intents of a bank's customers, and what is none of them: a transformer from scratch",
    task="intent",
    tier="scratch",
    trained_on=f"Banking77's questions and CLINC150's of other matters, {data_cards.NOTHING_ELSE}",
    data=data_cards.BANKING77 + data_cards.CLINC150,
    license=INTENT_ADAPTER.license,
    held_out=INTENT_ADAPTER.held_out,
    limits=(
        "It knows the words of some 10,000 questions. A question in other words, however plain, it cannot place; of one about "
        "other matters in words that it never met, it cannot tell that it is out of scope.",
        "Banking77's 77 intents overlap, and some of its labels are wrong (Ying and Thomas 2022): no model gets all of its "
        "test right.",
        "CLINC150's own intents of banking and credit cards are neither trained on nor counted as out of scope.",
        ENGLISH,
    ),
)
SPAM = cards.Words(
    title="Spam among text messages: a transformer from scratch",
    task="spam",
    tier="scratch",
    trained_on=f"text messages (SMS Spam Collection), {data_cards.NOTHING_ELSE}",
    data=data_cards.SMS,
    license=SPAM_ADAPTER.license,
    held_out=SPAM_ADAPTER.held_out,
    limits=(
        "It has read 3,500 text messages in its life: prizes, ringtones and premium numbers of Britain and Singapore before 2012. "
        "It knows no e-mail, and none of the frauds of today.",
        "Spam is written again and again with another number: some held-out messages are near copies of trained ones, so the "
        "figures say more of such spam than of new kinds.",
        ENGLISH,
    ),
)
ZERO_SHOT = cards.Words(
    title="Labels that nobody trained on: a bi-encoder from scratch",
    task="zero-shot",
    tier="scratch",
    trained_on=f"Banking77's and CLINC150's questions without the held-out classes, {data_cards.NOTHING_ELSE}",
    data=data_cards.BANKING77 + data_cards.CLINC150,
    license=ZERO_SHOT_ADAPTER.license,
    held_out=ZERO_SHOT_ADAPTER.held_out,
    limits=(
        "It is behind the plain rule “the label that shares most words with the text”, as the figures say: its training was short, "
        "and its loss was still falling when it ended. What the bundled encoder has read makes the difference.",
        "What a word means it knows only from some 20,000 questions. A label made of words that stand in none of them is "
        "noise to it.",
        "It was made for questions to a bank or an assistant, and their intents as labels. On any other text it guesses by "
        "shared words.",
        ENGLISH,
    ),
    reads=ZERO_SHOT_ADAPTER.reads,
)
