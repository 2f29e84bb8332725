"""The recipes that adapt the bundled encoder: `sentiment-general` and `sentiment-informal`."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from playground.bundled import ENCODER_BASE
from playground.training import cards, data, data_cards, lora, saved_adapters
from playground.training.data import LABELS
from playground.training.evaluate import measure
from playground.training.recipes import Job

BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "checkpoints"
FORMAT = "lora-classifier"

# What differs between the two: data, settings, and the words of the card.
SETTINGS = {
    "general": lora.LoraSettings(),
    "informal": lora.LoraSettings(),
}
CARDS = {
    "general": cards.Words(
        title="Sentiment of reviews: a LoRA adapter over all-MiniLM-L6-v2",
        task="sentiment",
        tier="pretrained",
        trained_on="SST-2 phrases and sentences (film reviews) and UCI review sentences (films, restaurants, phones)",
        data=data_cards.SST + data_cards.UCI,
        license=data_cards.APACHE + "SST none stated, UCI CC BY 4.0",
        held_out="SST-2's dev sentences, all 872, none of them in training",
        limits=(
            "Written reviews in English. On informal comments, slang and irony it is weak, as the second column of the figures "
            "says: see the adapter `sentiment-informal`, which was made for them.",
            "It knows no neutral: every text gets one of two labels.",
        ),
    ),
    "informal": cards.Words(
        title="Sentiment of informal comments: a LoRA adapter over all-MiniLM-L6-v2",
        task="sentiment",
        tier="finetuned",
        trained_on="GoEmotions comments whose emotions are all positive or all negative",
        data=data_cards.GOEMOTIONS,
        license="Apache-2.0 for the weights; trained on GoEmotions (CC BY 4.0, Demszky et al. 2020)",
        held_out="a half of GoEmotions' dev comments, chosen by the texts' SHA-256; none of them in training",
        limits=(
            "On film reviews it is the weaker one, as the last column of the figures says: use `sentiment-general` there.",
            "English comments of one forum (Reddit, 2005 to 2019). It knows no neutral: comments without an emotion, or with mixed "
            "ones, were left out of training and of the test, and still get one of two labels.",
            "It repeats the judgements of GoEmotions' raters, and the forum's biases.",
        ),
    ),
}


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    kind = job.options["split"]
    settings = replace(SETTINGS[kind], **job.options.get("settings", {}))
    base = job.options.get("base")  # another encoder's folder, in tests
    split = getattr(data, kind)(job.data)
    limit = job.options.get("limit")
    train = data.first(split.train, limit)

    model, _, trained = lora.train_adapter(
        train,
        settings,
        base=base,
        **job.session("adapting", "adapter.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out)

    plain, tokenizer = lora.base_model(base)
    shipped = lora.with_adapter(plain, job.out)

    def answer(texts: tuple[str, ...]) -> list[int]:
        return lora.probabilities(shipped, tokenizer, texts, settings.max_length).argmax(1).tolist()

    if kind == "general":  # nothing was chosen by the dev sentences, so both halves together are held out
        held = {"test": data.reviews(job.data), "informal comments": data.informal(job.data).test}
    else:
        held = {"valid": split.valid, "test": split.test, "film reviews": data.reviews(job.data)}
    metrics = {part: measure(answer, train, examples) for part, examples in held.items()}
    if kind == "informal" and (rival := BUNDLED / "sentiment-general").is_dir() and base is None:
        plain, _ = lora.base_model()
        other = lora.with_adapter(plain, rival)
        guesses = lora.probabilities(other, tokenizer, split.test.texts, settings.max_length).argmax(1)
        metrics["test"]["sentiment_general_accuracy"] = round(float((guesses == split.test.labels).mean()), 4)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": list(LABELS),
        "max_length": settings.max_length,
        "base": ENCODER_BASE,
        "parameters": sum(p.numel() for p in lora.trainable(model).values()),
        "settings": asdict(settings),
    }
    files = ("adapter_config.json", "adapter_model.safetensors")
    finished = cards.write(job, CARDS[kind], record, files, metrics, len(train), trained)
    return cards.summary(job, finished)
