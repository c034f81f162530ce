"""Advice: what stands out in a network, with its numbers, why it matters, and what to do."""

from . import rules as rules
from ._advice import RULES as RULES
from ._advice import Advice as Advice
from ._advice import Finding as Finding
from ._advice import advise as advise
from ._advice import rule as rule
