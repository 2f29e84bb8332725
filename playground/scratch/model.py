"""A transformer encoder from scratch, with a classifier of texts, an embedder of texts, a tagger of words, a reader of
questions and a filler of gaps on top: one file, to be read from top to bottom.

After "Attention Is All You Need" (Vaswani et al. 2017, arXiv 1706.03762), with the layer norm before each sublayer instead of after
it (Xiong et al. 2020, arXiv 2002.04745: trains without trouble). PyTorch gives us matrices, gradients, Linear, Embedding, LayerNorm
and Dropout; everything that makes it a transformer is written out below. The file knows no text: tokens come in as numbers.

Letters in the comments, for shapes:
    B  texts in the batch      D  width of the model: numbers per token (config.dim)
    T  tokens per text         H  heads; each looks at D/H of the numbers
    Q, K  tokens that ask, tokens that are looked at (here both are T)
    V  size of the vocabulary  L  labels
    W  words per text          P  numbers that a text's tokens are pooled into: D or 2D
    E  numbers in a text's vector, where texts are compared
    N  gaps in all texts of the batch together
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


@dataclass(frozen=True)
class EncoderConfig:
    """Everything that fixes the shape of the model."""

    vocabulary: int  # V
    labels: int = 2  # L
    dim: int = 192  # D
    layers: int = 4
    heads: int = 6  # H, must divide dim
    hidden: int = 768  # width inside the feed-forward layers
    max_length: int = 128  # longest text, in tokens
    dropout: float = 0.1
    pooling: str = "mean"  # how one vector for a whole text is made of its tokens': "mean" or "mean+max"

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"{self.heads} heads cannot share a width of {self.dim}: choose a divisor.")
        if self.pooling not in ("mean", "mean+max"):
            raise ValueError(f"A text cannot be pooled by “{self.pooling}”: choose mean or mean+max.")


class Embeddings(nn.Module):
    """What a token is plus where it stands: a learned vector for each, added.

    Attention itself does not know the order of the tokens; without positions "not good, bad" equals "not bad, good".
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.dim)
        self.positions = nn.Embedding(config.max_length, config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, T] -> vectors [B, T, D]"""
        places = torch.arange(ids.shape[1], device=ids.device)  # [T]: 0, 1, 2, ...
        return self.dropout(self.tokens(ids) + self.positions(places))  # [B, T, D] + [T, D]


class Attention(nn.Module):
    """Multi-head attention: every token asks, all tokens answer, and it takes a mixture of the answers.

    Each token makes a query ("what am I looking for?"); each makes a key ("what have I got?") and a value ("what I say"). A
    query that fits a key gives a high score; the scores become weights that sum to 1; the values are mixed by these weights.
    Heads do this side by side in smaller spaces, so that one can look at the previous word while another looks at a negation.

    `asking` and `source` are the same tokens in an encoder. They differ in cross attention, and `allowed` can hide what
    comes later: a decoder needs nothing else of this class.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def split(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, H, T, D/H]: every head gets its share of the numbers."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, asking: Tensor, source: Tensor, allowed: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """asking [B, Q, D], source [B, K, D] -> [B, Q, D]

        allowed: bool, [B, 1, 1 or Q, K]; True where a query may look. Every query needs at least one True.
        record: the weights [B, H, Q, K] are appended to it, when it is given.
        """
        q = self.split(self.query(asking))  # [B, H, Q, D/H]
        k = self.split(self.key(source))  # [B, H, K, D/H]
        v = self.split(self.value(source))  # [B, H, K, D/H]

        scores = q @ k.transpose(-2, -1)  # [B, H, Q, K]: one inner product for every pair of tokens
        scores = scores / math.sqrt(q.shape[-1])  # keeps their spread near 1, whatever D/H is
        scores = scores.masked_fill(~allowed, -math.inf)  # minus infinity becomes a weight of exactly 0
        weights = scores.softmax(dim=-1)  # [B, H, Q, K]: each row sums to 1
        if record is not None:
            record.append(weights.detach())

        mixed = self.dropout(weights) @ v  # [B, H, Q, D/H]
        mixed = mixed.transpose(1, 2).flatten(-2)  # [B, Q, D]: the heads' results side by side again
        return self.output(mixed)


class FeedForward(nn.Module):
    """What each token makes of what it has gathered; every token for itself, all with the same weights."""

    def __init__(self, dim: int, hidden: int, dropout: float, bias: bool = True) -> None:
        super().__init__()
        self.widen = nn.Linear(dim, hidden, bias)
        self.narrow = nn.Linear(hidden, dim, bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]"""
        x = nn.functional.gelu(self.widen(x))  # [B, T, hidden]; without the bend two layers would be one
        return self.narrow(self.dropout(x))


class Block(nn.Module):
    """Attention, then feed-forward. Each adds to the stream of vectors instead of replacing it, so gradients reach the start."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.dim)
        self.attention = Attention(config.dim, config.heads, config.dropout)
        self.feed_forward_norm = nn.LayerNorm(config.dim)
        self.feed_forward = FeedForward(config.dim, config.hidden, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, allowed: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """x [B, T, D], allowed [B, 1, 1, T] -> [B, T, D]"""
        y = self.attention_norm(x)
        x = x + self.dropout(self.attention(y, y, allowed, record))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Encoder(nn.Module):
    """Tokens in, one vector per token out, each made in the light of all the others. Heads for a purpose go on top."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)

    def forward(
        self, ids: Tensor, mask: Tensor, record: list[Tensor] | None = None, added: Tensor | None = None
    ) -> Tensor:
        """ids int64 [B, T], mask bool [B, T] (True for tokens, False for padding) -> [B, T, D]

        added: what else is known of each token, [B, T, D], added to what it is and where it stands.
        """
        allowed = mask[:, None, None, :]  # [B, 1, 1, T]: nobody looks at padding, in any head, from any token
        x = self.embeddings(ids)  # [B, T, D]
        if added is not None:
            x = x + added
        for block in self.blocks:
            x = block(x, allowed, record)
        return self.norm(x)


def mean_over_tokens(x: Tensor, mask: Tensor) -> Tensor:
    """x [B, T, D], mask [B, T] -> [B, D]: the mean of the vectors of real tokens; padding does not count."""
    weights = mask.to(x.dtype).unsqueeze(-1)  # [B, T, 1]
    return (x * weights).sum(dim=1) / weights.sum(dim=1)


def highest_over_tokens(x: Tensor, mask: Tensor) -> Tensor:
    """x [B, T, D], mask [B, T] -> [B, D]: in each place the highest number that any real token has there."""
    return x.masked_fill(~mask.unsqueeze(-1), -math.inf).amax(dim=1)


class Pooling(nn.Module):
    """From a vector per token to one per text.

    In the mean every token has its say. Where a single word decides ("refund", anywhere in a long question) it is soon outvoted;
    the highest numbers beside the mean keep it, however many tokens stand around it.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.highest = config.pooling == "mean+max"
        self.width = 2 * config.dim if self.highest else config.dim  # P, numbers per text

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [B, T, D], mask [B, T] -> [B, P]"""
        mean = mean_over_tokens(x, mask)
        return torch.cat([mean, highest_over_tokens(x, mask)], dim=-1) if self.highest else mean


class SavedModel(nn.Module):
    """A model that is two files: its shape in config.json, its numbers in model.safetensors."""

    config: Any  # a frozen dataclass, of config_class
    config_class: ClassVar[type] = EncoderConfig

    def save(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Write model.safetensors (in `dtype`; float16 halves it) and config.json."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.to(dtype).contiguous() for name, value in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(asdict(self.config), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote, as float32, ready to answer (dropout off). Raises ValueError when shapes do not fit."""
        folder = Path(folder)
        config = cls.config_class(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
        return cls.from_weights(config, folder / "model.safetensors")

    @classmethod
    def from_weights(cls, config: Any, path: Path) -> Self:
        """A model of this shape with the weights of a safetensors file, as float32, dropout off."""
        model = cls(config)
        try:
            model.load_state_dict({name: value.float() for name, value in load_file(path).items()})
        except RuntimeError as error:
            raise ValueError(f"The weights in {Path(path).name} do not fit their config.") from error
        return model.eval()


class EncoderClassifier(SavedModel):
    """One decision per text: encode it, make one vector of its tokens', and let a linear layer score the labels."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.pool = Pooling(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(self.pool.width, config.labels)
        self.apply(initialize)

    def forward(self, ids: Tensor, mask: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """ids int64 [B, T], mask bool [B, T] -> logits [B, L].

        Where a text has one label, the logits' softmax are the labels' probabilities. Where several may hold at once, each label is
        a question of its own, and the sigmoid of its logit the probability of "yes". The model is the same; the loss it was trained
        with makes the difference: cross-entropy, or binary cross-entropy for each label.

        record: give a list to receive the attention weights, one tensor [B, H, T, T] per layer, the first layer first.
        """
        states = self.encoder(ids, mask, record)  # [B, T, D]
        return self.classifier(self.dropout(self.pool(states, mask)))


@dataclass(frozen=True)
class EmbedderConfig(EncoderConfig):
    """An encoder's shape, and how long a text's vector is."""

    labels: int = 0  # none of its own: it compares a text with whatever labels it is given
    output: int = 128  # E


class EncoderEmbedder(SavedModel):
    """One vector per text, such that texts which fit together point the same way: a bi-encoder.

    A classifier can only answer with the labels that it was trained on. Here a label is itself a text ("lost or stolen card"): both
    go through the same encoder, each by itself, and how well they fit is the cosine of the angle between their vectors (Reimers and
    Gurevych 2019, arXiv 1908.10084). So any label can be asked about, and its vector, once made, serves every text that comes.

        text  -> encoder -> pooling -> projection -> unit length --+
                                                                   +-- inner product = cosine, in [-1, 1]
        label -> encoder -> pooling -> projection -> unit length --+
    """

    config: EmbedderConfig
    config_class = EmbedderConfig

    def __init__(self, config: EmbedderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.pool = Pooling(config)
        self.dropout = nn.Dropout(config.dropout)
        self.projection = nn.Linear(self.pool.width, config.output)
        self.apply(initialize)

    def forward(self, ids: Tensor, mask: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """ids int64 [B, T], mask bool [B, T] -> vectors [B, E], each of length 1. record: see EncoderClassifier."""
        states = self.encoder(ids, mask, record)  # [B, T, D]
        x = self.projection(self.dropout(self.pool(states, mask)))  # [B, E]
        return nn.functional.normalize(x, dim=-1)  # only the direction counts; now x @ y.T is a table of cosines


@dataclass(frozen=True)
class TaggerConfig(EncoderConfig):
    """An encoder's shape, and what a word's vector is made of: "mean", of all its tokens, or "first", of the first alone."""

    word: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.word not in ("mean", "first"):
            raise ValueError(f"A word cannot be read at “{self.word}”: choose mean or first.")


def gather_words(x: Tensor, words: Tensor, first: bool = False) -> Tensor:
    """x [B, T, D], words int64 [B, T] -> [B, W, D]: the mean of each word's tokens, or its first token.

    words: to which word of its text a token belongs, 0, 1, 2 ...; -1 for <cls> and padding. A text of fewer words than W has zeros
    behind them.
    """
    count = int(words.max()) + 1
    belongs = words[:, None, :] == torch.arange(count, device=words.device)[:, None]  # [B, W, T]
    if first:
        belongs = belongs & (belongs.cumsum(-1) == 1)
    weights = belongs.to(x.dtype)
    return weights @ x / weights.sum(-1, keepdim=True).clamp(min=1.0)


class EncoderTagger(SavedModel):
    """One decision per word: encode the text, make one vector per word, set it beside its neighbours', and score the labels.

    What a word is depends most on the words next to it. Attention can learn to find them, from much text; a head that is shown the
    word before and the word after need not (the window of Collobert et al. 2011, JMLR 12, section 3.3, on top of the encoder).
    """

    config: TaggerConfig
    config_class = TaggerConfig

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.dropout = nn.Dropout(config.dropout)
        self.window = nn.Linear(3 * config.dim, config.dim)
        self.classifier = nn.Linear(config.dim, config.labels)
        self.apply(initialize)

    def forward(self, ids: Tensor, mask: Tensor, words: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """ids int64 [B, T], mask bool [B, T], words int64 [B, T] (see `gather_words`) -> logits [B, W, L].

        record: see EncoderClassifier.
        """
        return self.score(self.encoder(ids, mask, record), words)

    def score(self, states: Tensor, words: Tensor) -> Tensor:
        """states [B, T, D], words [B, T] -> logits [B, W, L]"""
        x = gather_words(states, words, first=self.config.word == "first")  # [B, W, D]
        before, after = nn.functional.pad(x, (0, 0, 1, 0))[:, :-1], nn.functional.pad(x, (0, 0, 0, 1))[:, 1:]
        window = self.window(self.dropout(torch.cat([before, x, after], dim=-1)))  # [B, W, 3D] -> [B, W, D]
        return self.classifier(self.dropout(nn.functional.gelu(window)))


@dataclass(frozen=True)
class ReaderConfig(EncoderConfig):
    """An encoder's shape; the two labels are an answer's first token and its last."""


class EncoderReader(SavedModel):
    """Where in a context the answer to a question begins, and where it ends: two scores for every token.

        <cls> question <sep> context -> encoder -> begins here?  [B, T]
                                               +-> ends here?    [B, T]

    The answer is the stretch whose two scores have the highest sum; <cls> stands for "no answer" (Devlin et al. 2019, arXiv
    1810.04805, sections 4.2 and 4.3). Each token is told what it is part of, and a context's token whether it stands in the
    question too: to find the question's words again is what reading begins with, and a small model that has read little would
    spend all its strength on it (the exact-match feature of Chen et al. 2017, arXiv 1704.00051, section 3.2).
    """

    config: ReaderConfig
    config_class = ReaderConfig

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.kinds = nn.Embedding(3, config.dim)  # of the question, of the context, of both
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.dim, config.labels)
        self.apply(initialize)

    def forward(self, ids: Tensor, mask: Tensor, starts: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """ids int64 [B, T], mask bool [B, T], starts int64 [B] (the place of the context's first token) -> logits [B, T, 2].

        record: see EncoderClassifier.
        """
        kinds = self.kinds(kinds_of(ids, mask, starts))  # [B, T, D]
        states = self.encoder(ids, mask, record, added=kinds)  # [B, T, D]
        return self.classifier(self.dropout(states))


def kinds_of(ids: Tensor, mask: Tensor, starts: Tensor) -> Tensor:
    """ids, mask [B, T], starts [B] -> int64 [B, T]: 0 for the question and special tokens, 1 for the context, 2 for a token of the
    context that stands in the question too.
    """
    places = torch.arange(ids.shape[1], device=ids.device)  # [T]
    context = (places >= starts[:, None]) & mask  # [B, T]
    question = (places > 0) & (places < starts[:, None] - 1)  # [B, T], without <cls> and <sep>
    same = (ids[:, :, None] == ids[:, None, :]) & question[:, None, :]  # [B, T, T]: which stands where in the question
    return context.long() + (context & same.any(dim=-1)).long()


@dataclass(frozen=True)
class MaskedConfig(EncoderConfig):
    """An encoder's shape."""

    labels: int = 0  # none of its own: it answers with tokens of the vocabulary


class EncoderMasked(SavedModel):
    """One decision per gap: encode the text, and let every token of the vocabulary apply for the place (Devlin et al. 2019, arXiv
    1810.04805).

    The vector at a gap is compared with the vector of every token: the same table that turned the tokens into vectors at the bottom
    turns vectors into tokens at the top (Press and Wolf 2017, arXiv 1608.05859). A bias says how frequent each token is anyway.

    What fits a gap depends most on the tokens next to it. As in the tagger, the head is shown two of them on either side: attention
    would find them, too, but from far more text than is read here.
    """

    NEAR = 5  # places that the head sees: two, the gap, two
    config: MaskedConfig
    config_class = MaskedConfig

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.window = nn.Linear(self.NEAR * config.dim, config.dim)
        self.norm = nn.LayerNorm(config.dim)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.apply(initialize)
        nn.init.constant_(self.norm.weight, 0.25)  # at first what is frequent decides, and not chance

    def forward(self, ids: Tensor, mask: Tensor, gaps: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """ids int64 [B, T], mask bool [B, T], gaps bool [B, T] (True where a token is to be named) -> logits [N, V], gap by gap.

        record: see EncoderClassifier.
        """
        states = self.encoder(ids, mask, record) * mask.unsqueeze(
            -1
        )  # [B, T, D]; padding is nothing, however long it is
        wide = nn.functional.pad(states, (0, 0, self.NEAR // 2, self.NEAR // 2))  # [B, T + 4, D]
        near = [
            wide[:, place : place + ids.shape[1]][gaps] for place in range(self.NEAR)
        ]  # [N, D] each, only where asked
        x = self.norm(nn.functional.gelu(self.window(torch.cat(near, dim=-1))))  # [N, 5D] -> [N, D]
        return x @ self.encoder.embeddings.tokens.weight.T + self.bias  # [N, D] @ [D, V]


def initialize(module: nn.Module) -> None:
    """Random weights to start from: small normal numbers, biases 0 (as BERT and GPT-2 do)."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def pad(sequences: list[list[int]], padding: int = 0) -> tuple[Tensor, Tensor]:
    """Lists of ids of different lengths -> ids int64 [B, T] and mask bool [B, T], filled up on the right to the longest."""
    longest = max(map(len, sequences))
    ids = torch.full((len(sequences), longest), padding)
    mask = torch.zeros((len(sequences), longest), dtype=torch.bool)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = True
    return ids, mask
