"""What the benchmarks below the page share: the service over a DistilBERT-sized checkpoint, and transformers called directly."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.load_model import catalog, make, read_texts

ASSETS = Path(__file__).resolve().parent.parent.parent / "assets"
TIER = "pretrained"


@dataclass(frozen=True)
class House:
    """`direct(texts)`: tokenizing and one forward pass, padded to the longest; softmax, [texts, labels]."""

    service: Any
    texts: list[str]
    direct: Callable[[Sequence[str]], Any]

    @property
    def ref(self) -> Any:
        return self.service.catalog.ref(self.service.catalog.get("load/distilbert"))

    def run(self, text: str, session: str) -> Any:
        """One card's answer through the service, waited for. Raises its error."""
        handle = self.service.start("sentiment", text, session=session, tiers=[TIER], emit=lambda event: None)
        handle.wait(120)
        (result,) = handle.record().results
        if result.error is not None:
            raise result.error
        return result


def arguments(doc: str, **more: Any) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="torch threads of either side")
    parser.add_argument("--fast", action="store_true", help="let faster paths answer (settings.fast_cpu)")
    parser.add_argument("--json", action="store_true")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


@contextmanager
def house(options: argparse.Namespace, texts: int = 32) -> Iterator[House]:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch
    import transformers

    from playground.compose import compose
    from playground.settings import Settings

    torch.set_num_threads(options.threads)
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "model", texts)
        (folder / "catalog.toml").write_text(catalog(folder / "model", ASSETS), encoding="utf-8")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "model")
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()

        def direct(rows: Sequence[str]) -> Any:
            with torch.inference_mode():
                inputs = tokenizer(list(rows), return_tensors="pt", padding=True, truncation=True)
                return model(**inputs).logits.softmax(-1)

        settings = Settings(
            catalog=folder / "catalog.toml",
            device="cpu",
            threads=options.threads,
            fast_cpu=options.fast,
            space_id=None,
            openai_api_key=None,
            max_session_requests=1000,
            max_requests=10_000,
            requests_per_minute=0,
            deadline=600,
        )
        service = compose(settings)
        try:
            found = House(service, [text for text, _ in read_texts(folder / "model")], direct)
            for text in found.texts[:6]:
                found.run(text, "warm")
                direct([text])
            yield found
        finally:
            service.close()


def at(values: Sequence[float], share: float) -> float:
    """The nearest rank."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def told(figures: dict[str, Any], as_json: bool) -> None:
    figures = {**figures, "load_average": [round(value, 1) for value in os.getloadavg()], "cpus": os.cpu_count()}
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:<34} {value:.4g}" if isinstance(value, float) else f"{name:<34} {value}")
