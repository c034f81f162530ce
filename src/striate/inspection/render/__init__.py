"""The renderings of a report: for people on a terminal, for pages, notebooks and programs."""

from ._advice import advice_text as advice_text
from ._block import block_table as block_table
from ._block import rows_of as rows_of
from ._csv import csv_text as csv_text
from ._csv import dataframe as dataframe
from ._html import html_page as html_page
from ._json import as_dict as as_dict
from ._layer import layer_entries as layer_entries
from ._layer import layer_text as layer_text
from ._markdown import markdown_text as markdown_text
from ._notebook import notebook_html as notebook_html
from ._terminal import terminal_table as terminal_table
from ._text import plain_text as plain_text
from ._unit import unit_dict as unit_dict
from ._unit import unit_text as unit_text
