"""The head of the page: what the network is called, and its totals."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .._bounds import at_least
from .._last_map import last_map
from .._report import Report
from .._row import Row
from ..render._numbers import exact, memory, per_axis, shape, short

Fact = tuple[str, str, str]
"""A value, what it is, and a remark; all plain text."""


def headline(report: Report) -> str:
    """Write name, shapes and totals as HTML."""
    facts = "".join(
        f'<div><dt>{escape(what)}</dt><dd>{escape(value)}</dd><dd class="note">{escape(note)}</dd>'
        f"</div>\n"
        for value, what, note in _facts(report)
    )
    return (
        f'<p class="eyebrow">Striate · network report</p>\n<h1>{escape(report.name)}</h1>\n'
        f'<p class="lead">{escape(_shapes(report))}</p>\n<dl class="stats">\n{facts}</dl>\n'
        f"{_remarks(report)}"
    )


def _shapes(report: Report) -> str:
    many = len(report.input_shapes) > 1
    read = ", ".join(
        f"{name} {shape(s)}" if many else shape(s) for name, s in report.input_shapes.items()
    )
    made = ", ".join("unknown" if s is None else shape(s) for s in report.output_shapes.values())
    layers = "1 layer" if len(report) == 1 else f"{len(report):,} layers"
    return f"{read} → {made}. {layers}, batch of {report.batch_size}; counts are of all of it."


def _facts(report: Report) -> Iterable[Fact]:
    learned = f"{exact(report.frozen_params)} frozen" if report.frozen_params else "all trained"
    note = f"{exact(report.params)}: {learned}" if report.params else ""
    yield short(report.params), "Parameters", note
    least = "at least " if at_least(report, "macs") else ""
    yield least + short(report.macs), "MACs, multiply-adds forward", least + exact(report.macs)
    yield least + short(report.flops), "FLOPs, 2 a MAC", least + exact(report.flops)
    buffers = f", with {exact(report.buffers)} numbers in buffers" if report.buffers else ""
    file = f"{exact(report.weights_file_bytes)} bytes{buffers}"
    yield memory(report.weights_file_bytes), "Weights file", file
    least = "at least " if at_least(report, "peak_memory_inference") else ""
    at = f"maps alive at {report.memory.peak_node}; weights apart" if report.rows else ""
    yield least + memory(report.peak_memory_inference), "Peak memory at test time", at
    least = "at least " if at_least(report, "peak_memory_training") else ""
    parts = (
        f"saved {memory(report.saved_for_backward)}, gradients {memory(report.gradient_bytes)}, "
        f"{report.optimizer} {memory(report.optimizer_bytes)}; weights apart"
    )
    yield least + memory(report.peak_memory_training), "Peak memory in training", parts
    yield _field(report, last_map(report))


def _field(report: Report, row: Row | None) -> Fact:
    what = "Receptive field of the last map"
    if row is None:
        nothing = "unknown" if report.unknown else "none"
        return nothing, what, "no layer slides over the input with a finite field"
    sizes = next((s[2:] for s in report.input_shapes.values() if len(s) > 2), ())
    return (
        f"{per_axis(row.receptive_field or ())} px",
        what,
        f"at {row.name}, of an input of {shape(sizes)} px",
    )


def _remarks(report: Report) -> str:
    remarks = []
    if report.unknown:
        named = ", ".join(report.unknown[:5]) + (" and others" if len(report.unknown) > 5 else "")
        remarks.append(
            f"Not everything is known of {named}: totals it adds to are at least what is shown."
        )
    if report.unused:
        named = ", ".join(report.unused)
        amount = exact(sum(report.unused.values()))
        remarks.append(f"No layer reads {amount} of the parameters: {named}.")
    return "".join(f'<p class="remark">{escape(text)}</p>\n' for text in remarks)
