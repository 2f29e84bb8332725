"""The encoder-decoder from scratch beside transformers' Pegasus (Zhang et al. 2020) with the same weights."""

from __future__ import annotations

from dataclasses import replace

import torch

from playground.scratch.seq2seq import Seq2Seq, Seq2SeqConfig

START, PAD = 1, 0
LIKE_PEGASUS = Seq2SeqConfig(
    vocabulary=61, dim=24, layers=3, heads=4, hidden=40, context=32, encoder_layers=2, source_context=32
)
LIKE_LLAMA = replace(LIKE_PEGASUS, hidden=28, positions="rotary", norm="rms", feed_forward="swiglu", bias=False)


def random_seq2seq(config: Seq2SeqConfig = LIKE_PEGASUS, seed: int = 5) -> Seq2Seq:
    """In eval mode, its weights away from the start's zeros and ones, where mistakes would not show."""
    torch.manual_seed(seed)
    model = Seq2Seq(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
        model.tokens.weight.mul_(0.5)  # all is a bit likely, or searches would hardly differ
    return model


def pegasus(model: Seq2Seq, attention: str = "sdpa"):
    """PegasusForConditionalGeneration with the weights of ours copied in: norms before the sublayers, and our GELU chosen. Its
    positions are a table as ours is, whatever numbers are in it.
    """
    from transformers import PegasusConfig, PegasusForConditionalGeneration

    c = model.config
    theirs = PegasusForConditionalGeneration(
        PegasusConfig(
            vocab_size=c.vocabulary,
            max_position_embeddings=c.context,
            d_model=c.dim,
            encoder_layers=c.encoder_layers,
            decoder_layers=c.layers,
            encoder_attention_heads=c.heads,
            decoder_attention_heads=c.heads,
            encoder_ffn_dim=c.hidden,
            decoder_ffn_dim=c.hidden,
            activation_function="gelu",
            scale_embedding=False,
            pad_token_id=PAD,
            decoder_start_token_id=START,
            bos_token_id=None,
            eos_token_id=None,
            forced_eos_token_id=None,
            attn_implementation=attention,
        )
    )
    weights = {
        "shared.weight": model.tokens.weight,
        "encoder.embed_positions.weight": model.encoder.positions.weight,
        "decoder.embed_positions.weight": model.positions.weight,
    }
    modules = {"encoder.layer_norm": model.encoder.norm, "decoder.layer_norm": model.norm}
    for side, blocks in (("encoder", model.encoder.blocks), ("decoder", model.blocks)):
        for n, block in enumerate(blocks):
            at = f"{side}.layers.{n}"
            modules |= {
                f"{at}.self_attn_layer_norm": block.attention_norm,
                f"{at}.final_layer_norm": block.feed_forward_norm,
                f"{at}.self_attn.out_proj": block.attention.output,
                f"{at}.fc1": block.feed_forward.widen,
                f"{at}.fc2": block.feed_forward.narrow,
            }
            weights |= _split(f"{at}.self_attn", ("q", "k", "v"), block.attention.three)
            if side == "decoder":
                cross = f"{at}.encoder_attn"
                modules |= {
                    f"{at}.encoder_attn_layer_norm": block.cross_norm,
                    f"{cross}.q_proj": block.cross.query,
                    f"{cross}.out_proj": block.cross.output,
                }
                weights |= _split(cross, ("k", "v"), block.cross.two)
    for name, module in modules.items():
        weights |= {f"{name}.{key}": value for key, value in module.named_parameters()}
    missing, unexpected = theirs.model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert set(missing) <= {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}, missing
    theirs.tie_weights()
    return theirs.eval()


def _split(at: str, names: tuple[str, ...], linear: torch.nn.Linear) -> dict[str, torch.Tensor]:
    rows = zip(names, linear.weight.chunk(len(names)), linear.bias.chunk(len(names)), strict=True)
    return {f"{at}.{n}_proj.{key}": value for n, w, b in rows for key, value in (("weight", w), ("bias", b))}
