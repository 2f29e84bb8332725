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
