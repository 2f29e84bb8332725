"""python -m tests.soak [--minutes 10] [--seed N] [--visitors 24] [--json]

Runs the soak, prints one line (`soak: ...`) and what was violated; exits with 1 where anything was.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
for name in [name for name in os.environ if name.startswith(("OPENAI_", "PLAYGROUND_", "SPACE_", "GRADIO_SERVER_"))]:
    del os.environ[name]

from tests.soak.rooms import soak  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--visitors", type=int, default=24)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--log", default="CRITICAL", help="level of what the playground logs to standard error")
    options = parser.parse_args()
    logging.basicConfig(
        level=options.log.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    faulthandler.dump_traceback_later(60 * options.minutes + 300, exit=True)  # never longer, whatever happens
    found = soak(60 * options.minutes, options.seed, options.visitors)
    faulthandler.cancel_dump_traceback_later()
    if options.json:
        print(json.dumps(found.json(), indent=1))
    for what in found.violations:
        print(f"soak: VIOLATED {what}")
    print(found.line())
    sys.stdout.flush()
    os._exit(1 if found.violations else 0)  # a thread that hangs has been named above; it shall not hold up the exit


if __name__ == "__main__":
    main()
