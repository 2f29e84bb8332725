"""What the cards of the models that summarize say that no run can measure."""

from playground.training import cards, data_cards

SCITLDR = cards.Words(
    title="The sentence that sums a paper up: a LoRA adapter over all-MiniLM-L6-v2",
    task="summarization",
    tier="finetuned",
    trained_on="abstracts of papers on machine learning with one-line summaries (SciTLDR)",
    data=data_cards.SCITLDR,
    license=data_cards.APACHE + "Apache-2.0",
    held_out="the dev part of SciTLDR, whose papers have up to four summaries by different people",
    limits=(
        "It quotes: a summary is one of the text's own sentences, or some, and never a new one. A person's summary takes words of "
        "several; the best single sentence, which nobody knows beforehand, is in the table.",
        "It has read abstracts of papers on machine learning alone, and looks for what such papers claim to do. Of other texts it "
        "often does no better than their first sentence.",
        "English only. The encoder reads no capitals.",
    ),
    counted="abstracts",
    learned="abstracts of two sentences or more, each with one summary",
    reads="A text of more than {max_length} tokens is read in windows that overlap: nothing is cut off.",
)

SCRATCH = cards.Words(
    title="Summaries of a line: an encoder-decoder from scratch",
    task="summarization",
    tier="scratch",
    trained_on=f"Wikipedia paragraphs, then abstracts of papers with one-line summaries (SciTLDR), {data_cards.NOTHING_ELSE}",
    data=data_cards.WIKIPEDIA + data_cards.SCITLDR,
    license="CC BY-SA 4.0, as Wikipedia's text; SciTLDR is Apache-2.0",
    held_out=SCITLDR.held_out,
    limits=(
        "It writes its own words, fluent at first sight, and often says what the text does not: believe none of its summaries "
        "before you have read the text.",
        "It has read the paragraphs of a small part of Wikipedia, once, and 2,000 abstracts of papers on machine learning: "
        "whatever it reads, it sums up as such a paper.",
        "The first sentence, whose figures are in the table, is the yardstick.",
        "English only.",
    ),
    counted="abstracts",
    learned="paragraphs and abstracts",
    reads="Of a text the first {max_length} tokens are read.",
)
