"""The report as one self-contained HTML page."""

from ._page import html_page as html_page
