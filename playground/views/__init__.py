"""Data to HTML: pure functions from frozen dataclasses to escaped strings. Knows no gradio, no torch, no service."""
