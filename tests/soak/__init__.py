"""The soak: a real service over real tiny models, two dozen visitors, and faults without end; nothing may be left behind.

`models` makes the checkpoints and their catalog, `world` the service and its server, `faults` what goes wrong, `watch` looks at
what has to hold at any time, `visitors` is what people do, `rooms` opens and closes it all. `python -m tests.soak --help`.
"""
