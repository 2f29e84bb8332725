"""The only door for the page and the command line."""

from playground.service.playground import Playground
from playground.service.run import RunHandle
from playground.service.table import TableRow

__all__ = ["Playground", "RunHandle", "TableRow"]
