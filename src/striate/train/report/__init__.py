"""The report of a run: one HTML file that tells how training went."""

from __future__ import annotations

from ._report import write_report as write_report
