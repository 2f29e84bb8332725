"""The training loop: AdamW or Muon, warm-up and decay, averaged weights, and a state from which it goes on exactly.

Torch only. The loop knows neither the model nor the data: it is given named parameters and a function that returns
the loss of step n. All randomness of step n (dropout, masks) follows from the seed and n, and so does its batch; so a run that
was interrupted and resumed ends with the same weights as one that was not.
"""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Parameter


class WrongState(ValueError):
    """A saved state that cannot be gone on from: damaged, or of a run with other settings."""


@dataclass(frozen=True)
class Schedule:
    """Learning rate over `steps`: a linear warm-up to `peak`, then half a cosine down to zero."""

    steps: int
    peak: float
    warmup: int = 0

    def rate(self, step: int) -> float:
        """Learning rate of step `step`, 0 <= step < steps."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        return self.peak * 0.5 * (1 + math.cos(math.pi * (step - self.warmup) / max(1, self.steps - self.warmup)))


@dataclass(frozen=True)
class StepReport:
    """What the loop says after a step. `seconds` is the training time of all sessions of this run together."""

    step: int  # steps done, 1 .. steps
    steps: int
    loss: float
    rate: float
    seconds: float


@dataclass
class Trained:
    """The result of a session: `done` when the schedule is over. `average` holds the averaged parameters."""

    done: bool
    step: int
    seconds: float
    spent: float  # of `seconds`, this session's share
    average: dict[str, Tensor]
    curve: list[tuple[int, float]] = field(default_factory=list)  # (step, mean loss of the steps since the last point)


def epoch_batches(lengths: Sequence[int], batch: int, seed: int, epoch: int) -> list[list[int]]:
    """Cut an epoch into batches of indices whose texts have similar lengths, in a random order fixed by seed and epoch.

    Sorting within windows of 50 batches saves most of the padding and keeps the batches random.
    """
    order = list(range(len(lengths)))
    random = Random(f"{seed}/{epoch}")  # noqa: S311
    random.shuffle(order)
    window = 50 * batch
    batches = []
    for start in range(0, len(order), window):
        part = sorted(order[start : start + window], key=lambda index: lengths[index])
        batches += [part[i : i + batch] for i in range(0, len(part), batch)]
    random.shuffle(batches)
    return batches


def forever(lengths: Sequence[int], batch: int, seed: int) -> Callable[[int], list[int]]:
    """A function from the step to its batch of indices, epoch after epoch; only the current epoch is kept."""
    per_epoch = math.ceil(len(lengths) / batch)  # windows are whole multiples of a batch, so this is exact
    current: dict[int, list[list[int]]] = {}

    def at(step: int) -> list[int]:
        epoch, within = divmod(step, per_epoch)
        if epoch not in current:
            current.clear()
            current[epoch] = epoch_batches(lengths, batch, seed, epoch)
        return current[epoch][within]

    return at


def fit(
    parameters: Mapping[str, Parameter],
    loss_at: Callable[[int], Tensor],
    schedule: Schedule,
    *,
    state: Path,
    seed: int,
    resume: bool = False,
    minutes: float | None = None,
    decay: float = 0.01,
    betas: tuple[float, float] = (0.9, 0.98),
    orthogonal: Collection[str] = (),
    averaging: float = 0.999,
    clip: float = 1.0,
    save_every: float = 60.0,
    progress: Callable[[StepReport], None] = lambda report: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train until the schedule is over, `minutes` have passed, `cancelled()` or Ctrl+C; then save the state.

    parameters: what is trained, by name; changed in place.   loss_at(step): scalar loss of that step's batch.
    state: a safetensors file with parameters, their averages, the optimizers' moments and, as metadata, step and curve.
    orthogonal: names of matrices that Muon updates (Jordan 2024, "Muon: an optimizer for hidden layers in neural networks"), by the
        same rate, its steps as large as AdamW's (Liu et al. 2025, arXiv 2502.16982, section 2.2); AdamW does the rest.
    averaging: decay of the exponential moving average of the weights (Polyak averaging); the average is what ships.
    decay: AdamW's weight decay, of matrices alone (Loshchilov and Hutter 2019, arXiv 1711.05101).
    """
    optimizers = _optimizers(parameters, schedule.peak, decay, betas, orthogonal)
    average = {name: p.detach().clone() for name, p in parameters.items()}
    step, before, curve, recent = 0, 0.0, [], []
    if resume and state.is_file():
        step, before, curve, recent = _load(state, parameters, average, optimizers, schedule, seed)
    start = saved = time.monotonic()
    between = max(1, schedule.steps // 119)  # of two points of the curve: every step when there are few

    def seconds() -> float:
        return before + time.monotonic() - start

    def save() -> None:
        _save(state, parameters, average, optimizers, schedule, seed, step, seconds(), curve, recent)

    def time_left() -> bool:
        return minutes is None or time.monotonic() - start < 60 * minutes

    with _interrupts() as interrupted:
        while step < schedule.steps and not interrupted and not cancelled() and time_left():
            rate = schedule.rate(step)
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group["lr"] = rate
            torch.manual_seed(seed * 1_000_003 + step)  # see the module's docstring
            loss = loss_at(step)
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters.values(), clip)
            for optimizer in optimizers:
                optimizer.step()
            keep = min(averaging, (1 + step) / (10 + step))  # a short memory at first, or the random start would stay
            with torch.no_grad():
                for name, p in parameters.items():
                    average[name].lerp_(p, 1 - keep)
            step += 1
            recent.append(loss.item())
            if step % between == 0 or step == schedule.steps:
                curve.append((step, sum(recent) / len(recent)))
                recent.clear()
            progress(StepReport(step, schedule.steps, loss.item(), rate, seconds()))
            if time.monotonic() - saved > save_every:
                save()
                saved = time.monotonic()
        save()
    return Trained(step >= schedule.steps, step, seconds(), seconds() - before, average, curve)


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl+C instead of raising it, so that it never cuts a step in two. In the main thread alone: others get none."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)


def _optimizers(
    parameters: Mapping[str, Parameter],
    rate: float,
    decay: float,
    betas: tuple[float, float],
    orthogonal: Collection[str],
) -> list[torch.optim.Optimizer]:
    """Each parameter is in one of them."""
    rest = [p for name, p in parameters.items() if name not in orthogonal]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = []
    if rest:
        found.append(torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, betas=betas, eps=1e-8))
    if orthogonal:
        matrices = [parameters[name] for name in orthogonal]
        found.append(torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    return found


MOMENTS = ("step", "exp_avg", "exp_avg_sq", "momentum_buffer")  # what AdamW and Muon remember of a parameter


def _moments(
    parameters: Mapping[str, Parameter], optimizers: Sequence[torch.optim.Optimizer]
) -> Iterator[tuple[str, Tensor]]:
    for name, p in parameters.items():
        for optimizer in optimizers:
            for key, value in optimizer.state.get(p, {}).items():
                yield f"optimizer.{key}/{name}", value


def _save(state, parameters, average, optimizers, schedule, seed, step, seconds, curve, recent) -> None:
    tensors = {f"parameter/{name}": p.detach() for name, p in parameters.items()}
    tensors |= {f"average/{name}": value for name, value in average.items()}
    tensors |= dict(_moments(parameters, optimizers))
    record = {"step": step, "steps": schedule.steps, "seed": seed, "seconds": seconds, "curve": curve, "recent": recent}
    state.parent.mkdir(parents=True, exist_ok=True)
    unfinished = state.with_suffix(".part")
    save_file({k: v.contiguous() for k, v in tensors.items()}, unfinished, metadata={"record": json.dumps(record)})
    os.replace(unfinished, state)  # all or nothing, should the machine stop here


def _load(state, parameters, average, optimizers, schedule, seed) -> tuple[int, float, list, list]:
    try:
        return _read(state, parameters, average, optimizers, schedule, seed)
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise WrongState("The saved state is damaged, or belongs to a model of another shape.") from error


def _read(state, parameters, average, optimizers, schedule, seed) -> tuple[int, float, list, list]:
    with safe_open(state, framework="pt") as file:
        record = json.loads(file.metadata()["record"])
        if (record["steps"], record["seed"]) != (schedule.steps, seed):
            raise WrongState("The saved state belongs to another run, with another seed or length.")
        names = set(file.keys())
        with torch.no_grad():
            for name, p in parameters.items():
                p.copy_(file.get_tensor(f"parameter/{name}"))
                average[name].copy_(file.get_tensor(f"average/{name}"))
                found = {key: f"optimizer.{key}/{name}" for key in MOMENTS if f"optimizer.{key}/{name}" in names}
                for optimizer in optimizers:
                    if found and any(p is own for group in optimizer.param_groups for own in group["params"]):
                        optimizer.state[p] = {key: file.get_tensor(place) for key, place in found.items()}
    return record["step"], record["seconds"], [tuple(point) for point in record["curve"]], record["recent"]
