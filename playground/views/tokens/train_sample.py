"""A short text to train a tokenizer on, written for this project (CC0): its words come again in other forms."""

SAMPLE = """\
The lower the river, the slower the water; the slower the water, the wider the banks. In the newest of the villages, on the widest \
of the banks, an old miller kept the lowest mill on the river. Her neighbours called it the slowest mill as well, and they were \
not wrong: a sack of barley that another mill would grind in an hour took her mill until the evening.

“Slower is better,” said the miller. “The slowest stones make the finest flour.” And so it seemed, for the baker in the newer \
street, who had tried the flour of every miller between the hills and the sea, bought hers and no other. He baked the lightest \
rolls and the darkest loaves, and what was left over he gave to the children who waited at the lower door.

One winter the river was the lowest that anybody remembered. The wheel turned slower and slower, and then it stood still. The \
newer mills, higher up, were still grinding, and people told the miller that she was unlucky, that she was too old, that the \
widest bank was the worst place for a mill. She only swept the floor, oiled the wheel, and waited; she was good at waiting.

In the spring the water came back, higher than it had ever been. It washed over the newest mills and the highest, and it broke \
their wheels, which had been built lightly and had been turning quickly. It rose over the widest bank more slowly, because there \
it had more room, and it lifted the old wheel and turned it, slowly, and then faster, and the lowest mill on the river was the \
only one that was still grinding. Since then nobody has called it slow. They say that it is unhurried, which is another word for \
the same thing, and the children, who are older now and have children of their own, are still waiting at the lower door.
"""
