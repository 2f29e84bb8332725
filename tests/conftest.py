"""For every test: no network phone-home, no key of whoever runs the tests, and no deadline on a noisy machine."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported anywhere
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for name in list(os.environ):
    if name.startswith(("OPENAI_", "PLAYGROUND_", "SPACE_", "GRADIO_SERVER_")):
        del os.environ[name]

from hypothesis import settings  # noqa: E402

settings.register_profile("house", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("house")
