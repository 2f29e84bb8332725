"""The page, in Gradio: `build(service)` makes it, `launch_options(service)` is what `launch` needs. Knows no torch."""

from playground.ui.launch import launch_options
from playground.ui.shell import build

__all__ = ["build", "launch_options"]
