"""Ways to compute a classifier's forward pass on a CPU, each as a function of what it is built from. `fast.py` measures them.

A builder takes a plain float32 module in evaluation mode (its forward pass gives an output with `.logits`) and example
inputs, and returns a function from inputs to logits [B, L]. What is not installed raises ImportError: it is left out.
"""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Forward = Callable[[dict[str, torch.Tensor]], torch.Tensor]


def plain(module: Any, example: dict) -> Forward:
    def forward(inputs):
        with torch.inference_mode():
            return module(**inputs).logits

    return forward


def no_grad(module: Any, example: dict) -> Forward:
    def forward(inputs):
        with torch.no_grad():
            return module(**inputs).logits

    return forward


def eager(module: Any, example: dict) -> Forward:
    other = copy.deepcopy(module)
    other.set_attn_implementation("eager")
    return plain(other, example)


def one_thread(module: Any, example: dict) -> Forward:
    inner = plain(module, example)

    def forward(inputs):
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return inner(inputs)
        finally:
            torch.set_num_threads(before)

    return forward


def bucketed(module: Any, example: dict) -> Forward:
    """Padded to the next multiple of 64 tokens: what a compiled path of few shapes would have to do."""
    inner = plain(module, example)

    def forward(inputs):
        missing = -inputs["input_ids"].shape[1] % 64
        return inner({name: F.pad(value, (0, missing)) for name, value in inputs.items()})

    return forward


def bfloat16(module: Any, example: dict) -> Forward:
    return plain(copy.deepcopy(module).to(torch.bfloat16), example)


class Turned(nn.Module):
    """x W^T as (W x^T)^T: the same numbers for the same weights, in the order of loops that MKL is better at for few rows."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.column = linear.weight, linear.bias.unsqueeze(1)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1])
        return torch.addmm(self.column, self.weight, flat.t()).t().reshape(*x.shape[:-1], -1)


class Packed(nn.Module):
    """oneDNN's own layout of the weight, packed once."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)

    def forward(self, x):
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


def with_linear(module: Any, kind: type) -> Any:
    """A copy whose linear layers are of another kind; what is not replaced is shared with the original."""
    memo = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    other = copy.deepcopy(module, memo)
    for part in list(other.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.Linear:
                setattr(part, name, kind(child))
    return other


def turned(module: Any, example: dict) -> Forward:
    return plain(with_linear(module, Turned), example)


def packed(module: Any, example: dict) -> Forward:
    return plain(with_linear(module, Packed), example)


class Logits(nn.Module):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, input_ids, attention_mask):
        return self.module(input_ids=input_ids, attention_mask=attention_mask).logits


def _both(inputs: dict) -> tuple[torch.Tensor, torch.Tensor]:
    return inputs["input_ids"], inputs["attention_mask"]


def jit_frozen(module: Any, example: dict) -> Forward:
    with torch.no_grad():
        traced = torch.jit.trace(Logits(copy.deepcopy(module)).eval(), _both(example), check_trace=False)
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    def forward(inputs):
        with torch.no_grad():
            return frozen(*_both(inputs))

    return forward


def compiled(module: Any, example: dict, *, freezing: bool = False, dynamic: bool | None = None) -> Forward:
    import torch._inductor.config as inductor

    class Own(Logits):  # compiled code is kept by the code object of `forward`: each way needs one to itself
        forward = types.FunctionType(Logits.forward.__code__.replace(), Logits.forward.__globals__)

    inner = torch.compile(Own(copy.deepcopy(module)).eval(), dynamic=dynamic)

    def forward(inputs):
        with inductor.patch(freezing=freezing), torch.no_grad():
            return inner(*_both(inputs))

    forward(example)
    return forward


def compiled_frozen(module: Any, example: dict) -> Forward:
    return compiled(module, example, freezing=True)


def compiled_dynamic(module: Any, example: dict) -> Forward:
    return compiled(module, example, dynamic=True)


def int8_torch(module: Any, example: dict) -> Forward:
    return plain(torch.ao.quantization.quantize_dynamic(copy.deepcopy(module), {nn.Linear}, torch.qint8), example)


def int8_torchao(module: Any, example: dict) -> Forward:
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    other = copy.deepcopy(module)
    quantize_(other, Int8DynamicActivationInt8WeightConfig())
    return plain(other, example)


def _exported(module: Any, example: dict, folder: str) -> Path:
    import onnxscript  # noqa: F401  the exporter needs it

    path = Path(folder) / "model.onnx"
    other = copy.deepcopy(module)
    rows, tokens = torch.export.Dim("rows", min=1, max=512), torch.export.Dim("tokens", min=2, max=512)
    shape = {0: rows, 1: tokens}
    several = {name: value.repeat(2, 1)[:2] for name, value in example.items()}
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        torch.onnx.export(
            Logits(other).eval(),
            _both(several),
            str(path),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            dynamic_shapes=(shape, shape),
            external_data=False,
            verbose=False,
        )
    return path


def _session(path: Path) -> Forward:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # else it burns the cores between runs
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}

    def forward(inputs):
        (logits,) = session.run(None, {name: value.numpy() for name, value in inputs.items() if name in names})
        return torch.from_numpy(logits)

    return forward


def onnx(module: Any, example: dict) -> Forward:
    import onnxruntime  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        return _session(_exported(module, example, folder))


def onnx_int8(module: Any, example: dict) -> Forward:
    import onnx as onnx_file
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        path = _exported(module, example, folder)
        graph = onnx_file.load(path)
        del graph.graph.value_info[:]  # the exporter's shapes are not those that the quantizer infers
        onnx_file.save(graph, path)
        smaller = path.with_name("int8.onnx")
        quantize_dynamic(path, smaller, weight_type=QuantType.QInt8)
        return _session(smaller)


WAYS: dict[str, Callable[[Any, dict], Forward]] = {
    "plain float32, sdpa (today)": plain,
    "the same under no_grad": no_grad,
    "the same, eager attention": eager,
    "the same, one thread": one_thread,
    "the same, padded to 64": bucketed,
    "bfloat16": bfloat16,
    "W x^T instead of x W^T": turned,
    "oneDNN packed weights": packed,
    "jit freeze + optimize": jit_frozen,
    "torch.compile": compiled,
    "torch.compile, freezing": compiled_frozen,
    "torch.compile, dynamic": compiled_dynamic,
    "int8 dynamic, torch.ao": int8_torch,
    "int8 dynamic, torchao": int8_torchao,
    "ONNX Runtime float32": onnx,
    "ONNX Runtime int8 dynamic": onnx_int8,
}
