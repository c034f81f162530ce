"""The renderings of a report: for people on a terminal, for pages, notebooks and programs."""

from ._terminal import terminal_table as terminal_table
from ._text import plain_text as plain_text
