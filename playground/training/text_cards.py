"""What the cards of topics, intent, spam and zero-shot say that no run can measure."""

from playground.training import cards, data_cards

ENGLISH = "English only."
HALF = "chosen by the texts' SHA-256; none of them in training"

TOPICS = cards.Words(
    title="28 emotions of comments, several at once: a LoRA adapter over all-MiniLM-L6-v2",
    task="topics",
    tier="finetuned",
    trained_on="GoEmotions comments, after the polarity of the same (from `sentiment-informal` on)",
    data=data_cards.GOEMOTIONS,
    license=data_cards.APACHE + "GoEmotions CC BY 4.0 (Demszky et al. 2020)",
    held_out=f"a half of GoEmotions' dev comments, {HALF}. Temperature and thresholds were fitted on the other half",
    limits=(
        "Comments of one forum (Reddit, 2005 to 2019), short and informal. It repeats its raters' judgements, who often "
        "disagreed, and the forum's biases.",
        "Rare emotions (grief, pride, relief, nervousness) had a few hundred comments or fewer to learn from, and their F1 here "
        "hangs on a dozen texts.",
        "A threshold is the best for F1, not the score where a label is as likely as not: a label can hold at 0.2.",
        ENGLISH,
    ),
)
INTENT = cards.Words(
    title="Intents of a bank's customers, and what is none of them: a LoRA adapter over all-MiniLM-L6-v2",
    task="intent",
    tier="finetuned",
    trained_on="Banking77's questions, and CLINC150's of other matters as out_of_scope",
    data=data_cards.BANKING77 + data_cards.CLINC150,
    license=data_cards.APACHE + "Banking77 CC BY 4.0, CLINC150 CC BY 3.0",
    held_out=(
        f"a twentieth of Banking77's training questions (“test”), {HALF}; and of CLINC150's val, as out of scope: half of the "
        "questions with intents that are trained on, all those with a fifth of the intents that never are, and its own "
        "out-of-scope questions. Of these three the accuracy is the recall of out_of_scope. Another twentieth of Banking77 and "
        "some of the other half gave the temperature"
    ),
    limits=(
        "Banking77's 77 intents overlap, and some of its labels are wrong (Ying and Thomas 2022): no model gets all of its "
        "test right.",
        "CLINC150's own intents of banking and credit cards are neither trained on nor counted as out of scope. So a question to a "
        "bank that is none of the 77 is mostly taken for one of them.",
        "One question, one intent: of two in one message it gives one.",
        ENGLISH,
    ),
)
SPAM = cards.Words(
    title="Spam among text messages: a LoRA adapter over all-MiniLM-L6-v2",
    task="spam",
    tier="finetuned",
    trained_on="text messages (SMS Spam Collection)",
    data=data_cards.SMS,
    license=data_cards.APACHE + "SMS Spam Collection CC BY 4.0",
    held_out=f"a twelfth of the messages, {HALF}. Messages that are the same but for case and spaces count once. Another twelfth "
    "(“dev”) gave the temperature",
    limits=(
        "Text messages of Britain and Singapore before 2012: prizes, ringtones, premium numbers. It knows no e-mail, and none of "
        "the frauds of today.",
        "Spam is written again and again with another number: some held-out messages are near copies of trained ones, so the "
        "figures say more of such spam than of new kinds.",
        ENGLISH,
    ),
)
ZERO_SHOT = cards.Words(
    title="Texts beside labels that nobody trained on: a LoRA adapter over all-MiniLM-L6-v2",
    task="zero-shot",
    tier="finetuned",
    trained_on="questions and their intents' names (Banking77, CLINC150), three quarters of the classes",
    data=data_cards.BANKING77 + data_cards.CLINC150,
    license=data_cards.APACHE + "Banking77 CC BY 4.0, CLINC150 CC BY 3.0",
    held_out=(
        "a quarter of the classes of each set, chosen by the SHA-256 of their names: none of their texts, and none of their names, "
        "is in training. The figures are of all their texts; first among the new classes alone, then among all classes of the set, "
        "then with each label inside a sentence that training never used"
    ),
    limits=(
        "Made for intents: questions and orders of a sentence, with labels of a few words that say what is wanted. On labels of "
        "another kind (moods, genres, yes or no) the plain encoder may be the better one.",
        "Its classes in training are of the same two sets, so the new ones are new kinds of question, not a new world.",
        "It compares meanings and reads no logic: “not a refund” is near “refund”.",
        ENGLISH,
    ),
    reads="The labels are the visitor's own. Texts and labels are cut at {max_length} tokens.",
)
