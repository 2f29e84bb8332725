"""The recipes of models that write, by task, in the tiers' order; and of those that are there to be looked into alone."""

from playground.training.recipe_info import Recipe, RecipeInfo

WRITING = (
    Recipe(
        RecipeInfo(
            "generation-general",
            "a small Llama of transformers' own architecture and its tokenizer, from random weights",
            "novels of 1839 to 1932",
            60,
        ),
        "playground.training.starter",
        {},
    ),
    Recipe(
        RecipeInfo(
            "generation-shakespeare",
            "LoRA adapter for Shakespeare's voice over generation-general",
            "Tiny Shakespeare",
            8,
        ),
        "playground.training.voice",
        {},
    ),
    Recipe(
        RecipeInfo(
            "generation-scratch",
            "our own GPT, letter by letter, from random weights",
            "Tiny Shakespeare alone",
            4,
        ),
        "playground.training.gpt_from_scratch",
        {},
    ),
    Recipe(
        RecipeInfo(
            "translation-general",
            "a small T5 of transformers' own architecture and its tokenizer, from random weights",
            "Tatoeba, English to French",
            25,
        ),
        "playground.training.translator",
        {},
    ),
    Recipe(
        RecipeInfo(
            "translation-familiar",
            "LoRA adapter that says tu and not vous, over translation-general",
            "Tatoeba's sentences to a friend",
            5,
        ),
        "playground.training.translator_familiar",
        {},
    ),
    Recipe(
        RecipeInfo(
            "translation-scratch",
            "our own small encoder-decoder and tokenizer, English to French, from random weights",
            "Tatoeba's sentences alone",
            20,
        ),
        "playground.training.translator_from_scratch",
        {},
    ),
    Recipe(
        RecipeInfo(
            "summarization-scitldr",
            "LoRA adapter that picks the sentence that sums a paper up, over the bundled encoder",
            "SciTLDR: abstracts and one-line summaries",
            10,
        ),
        "playground.training.pickers",
        {},
    ),
    Recipe(
        RecipeInfo(
            "summarization-scratch",
            "our own small encoder-decoder and tokenizer, summaries of a line, from random weights",
            "Wikipedia paragraphs, SciTLDR",
            14,
        ),
        "playground.training.summarizer_from_scratch",
        {},
    ),
)
LOOKED_INTO = tuple(
    Recipe(
        RecipeInfo(
            f"induction-{name}",
            f"our own GPT with {said}, to look for induction heads in",
            "random characters that are said over and over, made up on the spot",
            minutes,
        ),
        "playground.training.induction",
        {"layers": layers},
    )
    for name, said, layers, minutes in (("two-layers", "two layers", 2, 4), ("one-layer", "one layer", 1, 2))
)
