"""The decoder from scratch beside transformers' models with the same weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from playground.scratch.gpt import GPT, GPTConfig

LIKE_GPT2 = GPTConfig(vocabulary=61, dim=24, layers=3, heads=4, hidden=40, context=32)
LIKE_LLAMA = replace(
    LIKE_GPT2, hidden=28, positions="rotary", norm="rms", feed_forward="swiglu", bias=False, tied=False
)
SHAPES = {"gpt2": LIKE_GPT2, "llama": LIKE_LLAMA, "llama tied": replace(LIKE_LLAMA, tied=True)}


def random_gpt(config: GPTConfig, seed: int = 5) -> GPT:
    """In eval mode, its weights away from the start's zeros and ones, where mistakes would not show."""
    torch.manual_seed(seed)
    model = GPT(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def oracle(model: GPT, attention: str = "sdpa"):
    """GPT2LMHeadModel or LlamaForCausalLM with the weights of ours copied in."""
    return (_llama if model.config.positions == "rotary" else _gpt2)(model, attention).eval()


def gpt2(config: GPTConfig, **options: Any):
    """A new GPT2LMHeadModel of the same shape, with the same GELU. options: more of GPT2Config's."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocabulary,
            n_positions=config.context,
            n_embd=config.dim,
            n_layer=config.layers,
            n_head=config.heads,
            n_inner=config.hidden,
            activation_function="gelu",
            resid_pdrop=config.dropout,
            embd_pdrop=config.dropout,
            attn_pdrop=config.dropout,
            bos_token_id=None,
            eos_token_id=None,
            **options,
        )
    )


def _gpt2(model: GPT, attention: str):
    theirs = gpt2(model.config, attn_implementation=attention)
    weights = {"wte.weight": model.tokens.weight, "wpe.weight": model.positions.weight}
    weights |= {f"ln_f.{name}": value for name, value in model.norm.named_parameters()}
    for n, block in enumerate(model.blocks):
        for name, module in {"ln_1": block.attention_norm, "ln_2": block.feed_forward_norm}.items():
            weights |= {f"h.{n}.{name}.{key}": value for key, value in module.named_parameters()}
        linears = {
            "attn.c_attn": block.attention.three,
            "attn.c_proj": block.attention.output,
            "mlp.c_fc": block.feed_forward.widen,
            "mlp.c_proj": block.feed_forward.narrow,
        }
        for name, linear in linears.items():
            weights |= {f"h.{n}.{name}.weight": linear.weight.T, f"h.{n}.{name}.bias": linear.bias}
    theirs.transformer.load_state_dict(weights)
    return theirs


def _llama(model: GPT, attention: str):
    from transformers import LlamaConfig, LlamaForCausalLM

    c = model.config
    theirs = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=c.vocabulary,
            max_position_embeddings=c.context,
            hidden_size=c.dim,
            intermediate_size=c.hidden,
            num_hidden_layers=c.layers,
            num_attention_heads=c.heads,
            rms_norm_eps=1e-5,
            tie_word_embeddings=c.tied,
            attn_implementation=attention,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    weights = {"model.embed_tokens.weight": model.tokens.weight, "model.norm.weight": model.norm.weight}
    weights["lm_head.weight"] = model.tokens.weight if model.head is None else model.head.weight
    for n, block in enumerate(model.blocks):
        q, k, v = block.attention.three.weight.chunk(3)
        named = {
            "input_layernorm": block.attention_norm.weight,
            "post_attention_layernorm": block.feed_forward_norm.weight,
            "self_attn.q_proj": q,
            "self_attn.k_proj": k,
            "self_attn.v_proj": v,
            "self_attn.o_proj": block.attention.output.weight,
            "mlp.gate_proj": block.feed_forward.gate.weight,
            "mlp.up_proj": block.feed_forward.widen.weight,
            "mlp.down_proj": block.feed_forward.narrow.weight,
        }
        weights |= {f"model.layers.{n}.{name}.weight": value for name, value in named.items()}
    theirs.load_state_dict(weights)
    return theirs
