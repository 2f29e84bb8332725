"""What cards say of the data: each set with its source and licence, and what that means for the weights."""

APACHE = "Apache-2.0 for the weights; the data's licence: "
NOTHING_ELSE = "and nothing else: weights and tokenizer start from zero"

SST = (
    "**SST-2** (Stanford Sentiment Treebank; Socher et al. 2013): phrases and sentences of film reviews. Licence: not stated; "
    "research use is customary.",
)
UCI = ("**Sentiment Labelled Sentences** (Kotzias et al. 2015, UCI): films, restaurants, phones. Licence: CC BY 4.0.",)
GOEMOTIONS = (
    "**GoEmotions** (Demszky et al. 2020, Google Research): comments of one forum with 27 emotions. Licence: CC BY 4.0 "
    "(publisher), Apache-2.0 (repository).",
)
BC5CDR = (
    "**BC5CDR** (Li et al. 2016, BioCreative V): abstracts of medical papers with chemicals and diseases. Licence: CC BY 4.0 "
    "(the compilation).",
)
NCBI = ("**NCBI Disease** (Doğan, Leaman and Lu 2014): abstracts with diseases. Public domain in the US.",)
WIKIGOLD = (
    "**Wikigold** (Balasuriya et al. 2009): Wikipedia articles with CoNLL-2003's four types. Licence: CC BY 4.0.",
)
TWEETS = (
    "**Broad Twitter Corpus** (Derczynski, Bontcheva and Roberts 2016): tweets of many places and years, PER LOC ORG. "
    "Licence: CC BY 4.0.",
    "**WNUT17** (Derczynski et al. 2017): new and rare names in comments and tweets. Licence: CC BY 4.0.",
)
EWT = (
    "**UD English EWT** (Silveira et al. 2014): web logs, newsgroups, e-mail, reviews, questions and answers, with universal "
    "word classes. Licence: CC BY-SA 4.0.",
)
BANKING77 = (
    "**Banking77** (Casanueva et al. 2020, PolyAI): questions of a bank's customers, 77 intents. Licence: CC BY 4.0.",
)
CLINC150 = ("**CLINC150** (Larson et al. 2019): questions to an assistant, 150 intents and none. Licence: CC BY 3.0.",)
SMS = (
    "**SMS Spam Collection** (Almeida, Hidalgo and Yamakami 2011, UCI): text messages, an eighth of them spam. Licence: "
    "CC BY 4.0.",
)
SQUAD = (
    "**SQuAD 1.1** (Rajpurkar et al. 2016): questions about paragraphs of Wikipedia, answered by a stretch of the paragraph. "
    "Licence: CC BY-SA 4.0. Where an answer stands several times, the place is taken whose sentence shares most words with the "
    "question. To some questions a paragraph that does not answer them was put, half of them of the same article.",
)
KNOWLEDGE_BASE = (
    "**A company's knowledge base** (written for this project, `assets/datasets/knowledge-base`): 40 articles, 400 questions. "
    "Licence: CC0.",
)
WIKIPEDIA = (
    "**Wikipedia paragraphs** (the contexts of SQuAD 1.1; Rajpurkar et al. 2016). Licence: CC BY-SA 4.0, and so are these weights.",
)
NOVELS = ("**96 English novels** of 1839 to 1932, from the middle of each 60,000 characters. Public domain by age.",)
WHOLE_NOVELS = (
    "**96 English novels** of 1839 to 1932, of which four are held out whole. Half of each in the lines of its file, half with a "
    "paragraph a line. Public domain by age.",
)
SHAKESPEARE = (
    "**Tiny Shakespeare** (Karpathy 2015, char-rnn): 40,000 lines of Shakespeare's plays, 1.1 million characters. Public domain by "
    "age.",
)
TATOEBA = (
    "**Tatoeba** (tatoeba.org, its contributors): English sentences with their French translations, as published in pairs. "
    "Licence: CC BY 2.0 FR.",
)
SCITLDR = (
    "**SciTLDR** (Cachola et al. 2020, Allen Institute for AI): abstracts of papers on machine learning with one-line summaries by "
    "their authors, and of the dev part by readers too. Licence: Apache-2.0.",
)
