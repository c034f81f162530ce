"""The report of a run: one HTML file that tells how training went, and needs nothing else."""

from __future__ import annotations

from ._write import write_report as write_report
