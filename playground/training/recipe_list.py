"""The recipes by name: what each makes, of what, how long that takes, and the module that runs it."""

from playground.training.recipe_info import Recipe, RecipeInfo
from playground.training.writing_recipe_list import LOOKED_INTO, WRITING

RECIPES = {
    recipe.info.name: recipe
    for recipe in (
        Recipe(
            RecipeInfo(
                "sentiment-general",
                "LoRA adapter for reviews over the bundled encoder",
                "SST-2 phrases and sentences, UCI sentences (films, restaurants, phones)",
                30,
            ),
            "playground.training.adapters",
            {"split": "general"},
        ),
        Recipe(
            RecipeInfo(
                "sentiment-informal",
                "LoRA adapter for informal comments over the bundled encoder",
                "GoEmotions comments that are all positive or all negative",
                20,
            ),
            "playground.training.adapters",
            {"split": "informal"},
        ),
        Recipe(
            RecipeInfo(
                "sentiment-scratch",
                "our own small transformer and tokenizer, from random weights",
                "GoEmotions comments that are all positive or all negative, alone",
                20,
            ),
            "playground.training.from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "ner-general",
                "LoRA adapter for people, places, organisations and other names over the bundled encoder",
                "Wikigold, Broad Twitter, WNUT17",
                8,
            ),
            "playground.training.taggers",
            {},
        ),
        Recipe(
            RecipeInfo(
                "ner-medical",
                "LoRA adapter for chemicals and diseases over the bundled encoder",
                "BC5CDR, and a quarter of NCBI Disease",
                25,
            ),
            "playground.training.taggers",
            {},
        ),
        Recipe(
            RecipeInfo(
                "ner-scratch",
                "our own small tagger and tokenizer for chemicals and diseases, from random weights",
                "BC5CDR alone",
                5,
            ),
            "playground.training.tagger_from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "pos-general",
                "LoRA adapter for word classes over the bundled encoder",
                "UD English EWT: e-mail, newsgroups, web logs",
                6,
            ),
            "playground.training.taggers",
            {},
        ),
        Recipe(
            RecipeInfo(
                "pos-informal",
                "LoRA adapter for the word classes of informal English, from pos-general on",
                "UD English EWT: reviews, questions and answers",
                4,
            ),
            "playground.training.taggers",
            {},
        ),
        Recipe(
            RecipeInfo(
                "pos-scratch",
                "our own small tagger and tokenizer for word classes, from random weights",
                "UD English EWT alone",
                5,
            ),
            "playground.training.tagger_from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "zero-shot",
                "LoRA adapter that compares texts with labels nobody trained on, over the bundled encoder",
                "Banking77 and CLINC150, three quarters of their classes",
                14,
            ),
            "playground.training.encoder_adapters",
            {},
        ),
        Recipe(
            RecipeInfo(
                "zero-shot-scratch",
                "our own small bi-encoder and tokenizer, from random weights",
                "Banking77 and CLINC150, three quarters of their classes, alone",
                4,
            ),
            "playground.training.matcher_from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "topics",
                "LoRA adapter for 28 emotions, several at once, over the bundled encoder",
                "GoEmotions comments",
                25,
            ),
            "playground.training.text_adapters",
            {},
        ),
        Recipe(
            RecipeInfo(
                "topics-scratch",
                "our own small transformer and tokenizer for 28 emotions, from random weights",
                "GoEmotions comments alone",
                8,
            ),
            "playground.training.texts_from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "intent",
                "LoRA adapter for a bank's 77 intents, and none of them, over the bundled encoder",
                "Banking77, CLINC150",
                20,
            ),
            "playground.training.text_adapters",
            {},
        ),
        Recipe(
            RecipeInfo(
                "intent-scratch",
                "our own small transformer and tokenizer for a bank's intents, from random weights",
                "Banking77 and CLINC150 alone",
                5,
            ),
            "playground.training.texts_from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "spam",
                "LoRA adapter for spam among text messages over the bundled encoder",
                "SMS Spam Collection",
                9,
            ),
            "playground.training.text_adapters",
            {},
        ),
        Recipe(
            RecipeInfo(
                "spam-scratch",
                "our own small transformer and tokenizer for spam, from random weights",
                "SMS Spam Collection alone",
                2,
            ),
            "playground.training.texts_from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "qa-general",
                "LoRA adapter that quotes answers from a text, over the bundled encoder",
                "SQuAD 1.1, its shorter paragraphs",
                40,
            ),
            "playground.training.readers",
            {},
        ),
        Recipe(
            RecipeInfo(
                "qa-knowledge-base",
                "LoRA adapter that quotes answers from a company's articles, from qa-general on",
                "the knowledge base that comes with the project",
                4,
            ),
            "playground.training.readers",
            {},
        ),
        Recipe(
            RecipeInfo(
                "qa-scratch",
                "our own small reader and tokenizer, from random weights",
                "SQuAD 1.1, its shorter paragraphs, alone",
                15,
            ),
            "playground.training.reader_from_scratch",
            {},
        ),
        Recipe(
            RecipeInfo(
                "fill-mask-general",
                "LoRA adapter and head for missing words over the bundled encoder",
                "Wikipedia paragraphs, novels",
                45,
            ),
            "playground.training.masked_adapters",
            {},
        ),
        Recipe(
            RecipeInfo(
                "fill-mask-medical",
                "LoRA adapter for missing words of medical abstracts, from fill-mask-general on",
                "BC5CDR, NCBI Disease",
                8,
            ),
            "playground.training.masked_adapters",
            {},
        ),
        Recipe(
            RecipeInfo(
                "fill-mask-scratch",
                "our own small masked model and tokenizer, from random weights",
                "Wikipedia paragraphs alone",
                12,
            ),
            "playground.training.masked_from_scratch",
            {},
        ),
        *WRITING,
        *LOOKED_INTO,
    )
}
