"""The training loop: it learns, it goes on exactly where it stopped, and it stops when asked."""

import os
import signal
from collections import Counter

import pytest
import torch
from torch import nn

from playground.scratch.train import Schedule, WrongState, epoch_batches, fit, forever

SCHEDULE = Schedule(steps=30, peak=0.02, warmup=5)


def problem(seed: int = 0):
    """A line with noise and dropout: parameters, and the loss of a step, whose batch follows from the step."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1)).train()
    x = torch.randn(64, 4)
    y = x @ torch.tensor([1.0, -2.0, 3.0, 0.5])
    batch_at = forever([1] * 64, 8, seed)

    def loss_at(step: int) -> torch.Tensor:
        batch = batch_at(step)
        return (net(x[batch]).squeeze(-1) - y[batch]).square().mean()

    return dict(net.named_parameters()), loss_at


def test_the_loss_falls_and_every_step_is_reported(tmp_path):
    parameters, loss_at = problem()
    reports = []
    trained = fit(parameters, loss_at, SCHEDULE, state=tmp_path / "s.safetensors", seed=3, progress=reports.append)
    assert trained.done
    assert [report.step for report in reports] == list(range(1, 31))
    assert reports[-1].loss < reports[0].loss
    assert trained.curve == [(report.step, report.loss) for report in reports], "few steps: each is a point"


@pytest.mark.parametrize("stops", [(1,), (7, 13), (29,)])
@pytest.mark.parametrize("orthogonal", [(), ("0.weight",), ("0.weight", "2.weight")], ids=["adamw", "both", "muon"])
def test_resumed_it_ends_with_the_very_same_weights(tmp_path, stops, orthogonal):
    how = {"seed": 3, "orthogonal": orthogonal}
    parameters, loss_at = problem()
    whole = fit(parameters, loss_at, SCHEDULE, state=tmp_path / "whole.safetensors", **how)
    expected = {name: p.detach().clone() for name, p in parameters.items()}
    for stop in stops:
        parameters, loss_at = problem()
        done: list[int] = []
        part = fit(
            parameters,
            loss_at,
            SCHEDULE,
            state=tmp_path / "parts.safetensors",
            resume=True,
            **how,
            progress=lambda report, done=done: done.append(report.step),
            cancelled=lambda done=done, stop=stop: bool(done) and done[-1] >= stop,
        )
        assert (part.done, part.step) == (False, stop)
    parameters, loss_at = problem(seed=0)
    rest = fit(parameters, loss_at, SCHEDULE, state=tmp_path / "parts.safetensors", resume=True, **how)
    assert rest.done
    assert rest.curve == whole.curve
    for name, value in expected.items():
        assert torch.equal(parameters[name], value)
        assert torch.equal(rest.average[name], whole.average[name])


def test_muon_changes_a_matrix_in_all_directions_alike(tmp_path):
    """The change of one step has nearly equal singular values, whatever the gradient's are; AdamW's has not."""
    torch.manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(6, 6))[0] for _ in range(2))
    gradient = left @ torch.diag(torch.tensor([9.0, 5.0, 3.0, 2.0, 1.5, 1.0])) @ right
    spread = {}
    for orthogonal in ((), ("weight",)):
        weight = nn.Parameter(torch.zeros(6, 6))
        fit(
            {"weight": weight},
            lambda step, weight=weight: (weight * gradient).sum(),
            Schedule(1, 0.1),
            state=tmp_path / "s.safetensors",
            seed=0,
            decay=0.0,
            orthogonal=orthogonal,
        )
        sizes = torch.linalg.svdvals(weight.detach())
        spread[orthogonal] = float(sizes.max() / sizes.min())
    assert spread["weight",] < 2
    assert spread[()] > 3


def test_another_seed_gives_other_weights(tmp_path):
    results = []
    for seed in (3, 4):
        parameters, loss_at = problem()
        fit(parameters, loss_at, SCHEDULE, state=tmp_path / f"{seed}.safetensors", seed=seed)
        results.append(parameters["0.weight"].detach().clone())
    assert not torch.equal(*results)


@pytest.fixture
def heard_ctrl_c():
    """A process that was started in the background ignores the key: here it is heard."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_ctrl_c")
def test_ctrl_c_saves_a_whole_step(tmp_path):
    parameters, loss_at = problem()

    def strike(step: int) -> torch.Tensor:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return loss_at(step)

    trained = fit(parameters, strike, SCHEDULE, state=tmp_path / "s.safetensors", seed=3)
    assert (trained.done, trained.step) == (False, 5)
    assert (tmp_path / "s.safetensors").is_file()
    with pytest.raises(KeyboardInterrupt):  # and afterwards the key works as before
        os.kill(os.getpid(), signal.SIGINT)


def test_when_time_is_up_it_stops(tmp_path):
    parameters, loss_at = problem()
    trained = fit(parameters, loss_at, SCHEDULE, state=tmp_path / "s.safetensors", seed=3, minutes=0.0)
    assert (trained.done, trained.step) == (False, 0)


def test_a_state_of_another_run_is_refused(tmp_path):
    state = tmp_path / "s.safetensors"
    parameters, loss_at = problem()
    fit(parameters, loss_at, SCHEDULE, state=state, seed=3, minutes=0.0)
    for schedule, seed in ((SCHEDULE, 4), (Schedule(31, 0.02), 3)):
        with pytest.raises(WrongState, match="another run"):
            fit(parameters, loss_at, schedule, state=state, seed=seed, resume=True)
    with pytest.raises(WrongState, match="another shape"):
        fit({"0.weight": nn.Parameter(torch.zeros(3, 3))}, loss_at, SCHEDULE, state=state, seed=3, resume=True)
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(WrongState, match="damaged"):
        fit(parameters, loss_at, SCHEDULE, state=state, seed=3, resume=True)


def test_the_rate_warms_up_and_ends_near_zero():
    rates = [SCHEDULE.rate(step) for step in range(30)]
    assert rates[:5] == pytest.approx([0.004, 0.008, 0.012, 0.016, 0.02])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 < rates[-1] < 0.001


@pytest.mark.parametrize(("n", "batch"), [(1000, 7), (50, 50), (3, 8), (401, 8)])
def test_an_epoch_has_every_index_once(n, batch):
    lengths = [(i * 37) % 23 for i in range(n)]
    for epoch in range(2):
        batches = epoch_batches(lengths, batch, seed=1, epoch=epoch)
        assert Counter(i for part in batches for i in part) == Counter(range(n))
        assert len(batches) == -(-n // batch)
    assert n < batch or epoch_batches(lengths, batch, 1, 0) != epoch_batches(lengths, batch, 1, 1)


def test_batches_hold_texts_of_like_length():
    lengths = [(i * 37) % 101 for i in range(2000)]
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in epoch_batches(lengths, 20, 0, 0)]
    assert sum(spread) / len(spread) < 8  # by chance it would be over 90
