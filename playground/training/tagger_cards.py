"""What the cards of the six taggers say that no run can measure."""

from functools import partial

from playground.training import cards, data_cards

WINDOWS = (
    "A text is read line by line; a line longer than {max_length} tokens in windows that overlap by a quarter, so "
    "nothing is cut off. Near a window's edge a word has less text around it than elsewhere."
)
FIRST_PIECE = " A word's label is read at its first piece."
THAT_FIT = " The tags of a line's words are the likeliest that fit together: no entity goes on that has not begun."
FROM_CLASSES = " It went on from the adapter `pos-general`, with a head of its own."
ALL_PIECES = " A word's label is read from the mean of its pieces."
MEDICAL_TEST = "the last 900 sentences (about 100 abstracts) of BC5CDR's dev set; the rest of it was trained on"
EWT_TEST = (
    "half of EWT's dev documents, chosen by the SHA-256 of their names; the other half was trained on. Sentences "
    "that stand there as well were taken out of training"
)
ENGLISH = "English only. It repeats the judgements of the sets' annotators, and what they left out."
GENRES = "reviews, questions and answers"
TREEBANK = "English only; words as English treebanks cut them (do|n't). It repeats the treebank's conventions."

# What the three of each task have in common.
_ner = partial(cards.Words, task="ner", counted="sentences", learned="sentences")
_pos = partial(
    cards.Words,
    task="pos",
    data=data_cards.EWT,
    license=data_cards.APACHE + "EWT CC BY-SA 4.0",
    counted="words",
    learned="sentences",
)

NER_GENERAL = _ner(
    title="People, places, organisations and other names: a LoRA adapter over all-MiniLM-L6-v2",
    tier="pretrained",
    trained_on="Wikipedia articles (Wikigold) and tweets (Broad Twitter, WNUT17)",
    data=data_cards.WIKIGOLD + data_cards.TWEETS,
    license=data_cards.APACHE + "Wikigold, Broad Twitter and WNUT17 CC BY 4.0",
    held_out=(
        "a seventh of Wikigold's articles, chosen by the SHA-256 of their place (“test”), and a tenth of the tweets "
        "of the other sets, by the SHA-256 of their words"
    ),
    limits=(
        "The encoder reads no capitals; that a word has one is told to it as token type 1. It knows people and places, "
        "and is weaker at organisations and other names made of common words (titles, clubs, events), as their F1 says; "
        "names in lower case it finds less often.",
        "Only Wikigold marks MISC (nationalities, works, events). In the tweets of Broad Twitter and WNUT17 a word "
        "without a tag may be one, so there the loss leaves MISC out and compares “no entity” with the other three "
        "types alone; their figures leave MISC out as well. An epoch has Wikigold's sentences ten times.",
        "WNUT17's corporations and groups (bands, clubs, parties) count as ORG, as CoNLL-2003 has it; its products "
        "and creative works as MISC. Broad Twitter tags @names, WNUT17 does not: there nothing was learned of them.",
        "Wikigold does not part neighbours of one type: two names side by side are one entity in it.",
        "It knows no chemicals and no diseases: in medical text use `ner-medical`, whose labels are others.",
        ENGLISH,
    ),
    reads=WINDOWS + FIRST_PIECE + THAT_FIT + FROM_CLASSES,
)
NER_MEDICAL = _ner(
    title="Chemicals and diseases: a LoRA adapter over all-MiniLM-L6-v2",
    tier="finetuned",
    trained_on="abstracts of medical papers (BC5CDR, NCBI Disease)",
    data=data_cards.BC5CDR + data_cards.NCBI,
    license=data_cards.APACHE + "BC5CDR CC BY 4.0, NCBI Disease public domain",
    held_out=MEDICAL_TEST + "; and the last 300 sentences of NCBI's dev set",
    limits=(
        "It knows two types, Chemical and Disease: people, places and organisations are not among them. See "
        "`ner-general` for those.",
        "NCBI marks no chemicals: there the loss counts “no entity or Chemical” as one answer. What is one disease, "
        "and where it ends, the two sets judge differently.",
        "Abstracts of papers, not clinical notes: no shorthand, no negations (“no fever” is marked as a disease). "
        "Not a medical device.",
        ENGLISH,
    ),
    reads=WINDOWS + FIRST_PIECE + THAT_FIT,
)
NER_SCRATCH = _ner(
    title="Chemicals and diseases: a transformer from scratch",
    tier="scratch",
    trained_on=f"abstracts of medical papers (BC5CDR), {data_cards.NOTHING_ELSE}",
    data=data_cards.BC5CDR,
    license=data_cards.APACHE + "BC5CDR CC BY 4.0",
    held_out=MEDICAL_TEST,
    limits=(
        "Looking up what the training abstracts name has the higher F1 on abstracts of the same kind, which repeat the "
        "same drugs and diseases; on NCBI's it has the lower. Names that are new are what a tagger is for.",
        "It has read some 900 abstracts in its life and nothing else: chemicals and diseases that they do not name "
        "it finds by their endings and neighbours, or not at all.",
        "It knows two types, Chemical and Disease, and no kind of English but that of abstracts.",
        "Two neighbouring words of the same entity are labelled by themselves: now and then an entity comes in two "
        "halves.",
        ENGLISH,
    ),
    reads=WINDOWS + ALL_PIECES + THAT_FIT,
)
POS_GENERAL = _pos(
    title="Word classes of written English: a LoRA adapter over all-MiniLM-L6-v2",
    tier="pretrained",
    trained_on="e-mail, newsgroups and web logs (UD English EWT)",
    held_out=EWT_TEST,
    limits=(
        f"Trained on EWT's e-mail, newsgroups and web logs; it has seen none of its {GENRES}: see `pos-informal`, "
        "which has.",
        "The encoder reads no capitals: names that are also common words are often taken for nouns (PROPN for NOUN).",
        TREEBANK,
    ),
    reads=WINDOWS + FIRST_PIECE,
)
POS_INFORMAL = _pos(
    title="Word classes of informal English: a LoRA adapter over all-MiniLM-L6-v2",
    tier="finetuned",
    trained_on=f"{GENRES} (UD English EWT), after e-mail, newsgroups and web logs",
    held_out=f"{EWT_TEST}. The test is what of it are {GENRES}",
    limits=(
        f"It starts from the adapter `pos-general` and goes on with {GENRES}: English as it is typed, with few "
        "capitals and commas.",
        "On e-mail, newsgroups and web logs `pos-general` may be the better one, as the second column of the figures "
        "says.",
        TREEBANK,
    ),
    reads=WINDOWS + FIRST_PIECE,
)
POS_SCRATCH = _pos(
    title="Word classes: a transformer from scratch",
    tier="scratch",
    trained_on=f"UD English EWT, {data_cards.NOTHING_ELSE}",
    held_out=EWT_TEST,
    limits=(
        "It has read some 200,000 words in its life: a word that it has not met is judged by its ending, its "
        "capitals and its neighbours.",
        TREEBANK,
    ),
    reads=WINDOWS + ALL_PIECES,
)
