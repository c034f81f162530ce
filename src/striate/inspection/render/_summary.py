"""The lines under the table: totals in words, each with what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .._fields_of import main_input
from .._last_map import last_map
from .._report import Report
from . import _numbers as write
from ._columns import printable
from ._lines import Knowledge

Fact = tuple[str, str]
"""What is told, and the sentence that tells it."""

GIGABYTES = 8.0
"""The memory for which the largest batch is told unless another is asked for."""


def summary(report: Report, *, gigabytes: float = GIGABYTES, advice: bool = True) -> list[Fact]:
    """Tell the totals of a report.

    Args:
        report: The report.
        gigabytes: Memory for which the largest batch is told, in GB of 10^9 bytes.
        advice: Tell how much advice there is.
    """
    facts = [(label, printable(text)) for label, text in _facts(report, gigabytes)]
    if advice and report.advice:
        facts.append(("advice", printable(_advice(report))))
    return facts


def _facts(report: Report, gigabytes: float) -> Iterator[Fact]:
    yield "network", f"{report.name}, {_inputs(report)} -> {_outputs(report)}{_mode(report)}"
    yield "parameters", _parameters(report)
    yield (
        "cost forward",
        (
            f"{_least(report, report.macs)} MACs = {_least(report, report.flops)} FLOPs "
            f"(1 MAC = 2 FLOPs)"
        ),
    )
    yield (
        "cost backward",
        (
            f"{_least(report, report.backward_macs)} MACs = "
            f"{_least(report, 2 * report.backward_macs)} FLOPs"
        ),
    )
    yield "units", _units(report)
    yield "weights file", _file(report)
    yield "memory at test time", _inference(report)
    yield "memory in training", _training(report)
    yield "largest batch", _batch(report, gigabytes)
    field = receptive_field(report)
    if field:
        yield "receptive field", field
    if report.unknown:
        yield "unknown", _unknown(report)


def _inputs(report: Report) -> str:
    return ", ".join(write.shape(shape) for shape in report.input_shapes.values())


def _outputs(report: Report) -> str:
    shapes = report.output_shapes.values()
    return ", ".join("unknown" if shape is None else write.shape(shape) for shape in shapes)


def _mode(report: Report) -> str:
    return ", in training mode" if report.graph.training else ""


def _least(report: Report, value: int) -> str:
    """A total, which is a lower bound where something is not known."""
    some = any(row.macs is None for row in report.rows)
    return f"at least {write.exact(value)}" if some else write.exact(value)


def _parameters(report: Report) -> str:
    parts = [f"{report.trainable_params:,} trainable", f"{report.frozen_params:,} frozen"]
    shared = sum(row.shared_params for row in report.rows)
    unused = sum(report.unused.values())
    if shared:
        parts.append(f"{shared:,} used again and counted once")
    if unused:
        parts.append(f"{unused:,} that no layer uses ({', '.join(list(report.unused)[:3])})")
    return f"{report.params:,}: {', '.join(parts)}"


def _units(report: Report) -> str:
    weights = sum(row.weights for row in report.rows)
    return (
        f"{_least(report, report.units)}; {weights:,} weights; "
        f"{_least(report, report.connections)} connections, "
        f"and {_least(report, report.padding_connections)} to padding"
    )


def _file(report: Report) -> str:
    buffers = ", running statistics included" if report.buffers else ""
    return f"{write.memory(report.weights_file_bytes)}{buffers}"


def _inference(report: Report) -> str:
    """The peak and where it is."""
    vague = any(row.output_bytes is None for row in report.rows)
    least = "at least " if vague else ""
    where = f" at {report.memory.peak_node}" if report.memory.peak_node else ""
    return f"{least}{write.memory(report.peak_memory_inference)} of maps{where}, weights apart"


def _training(report: Report) -> str:
    least = "at least " if report.memory.unknown else ""
    return (
        f"{least}{write.memory(report.peak_memory_training)}: "
        f"{write.memory(report.saved_for_backward)} saved for backward, "
        f"{write.memory(report.gradient_bytes)} gradients, "
        f"{write.memory(report.optimizer_bytes)} {report.optimizer}; weights apart"
    )


def _batch(report: Report, gigabytes: float) -> str:
    training = report.largest_batch(gigabytes)
    test = report.largest_batch(gigabytes, training=False)
    most = "at most " if report.memory.unknown else ""
    return (
        f"{most}{training:,} in training, {most}{test:,} at test time, in {gigabytes:g} GB with "
        f"the weights"
    )


def receptive_field(report: Report) -> str:
    """Tell the receptive field of the last map beside the size of the input."""
    row = last_map(report)
    infinite = next((row for row in report.rows if row.infinite_by), None)
    parts = []
    if row is not None and row.receptive_field:
        source = main_input(report.graph)
        sizes = write.per_axis(row.receptive_field)
        given = write.shape(report.input_shapes[source][2:]) if source else "?"
        bend = "" if row.aligned else ", branches not aligned"
        parts.append(
            f"{sizes} pixels at {row.name} (jump {write.per_axis(row.jump or (), once=True)}, "
            f"padding {write.per_axis(row.padding or (), once=True)}{bend}), input {given}"
        )
    blinded = Knowledge(report).blind
    blind = next((one.name for one in report.rows if one.name in blinded), None)
    if blind is not None:
        parts.append(f"unknown behind {blind}")
    if infinite is not None:
        parts.append(f"all of any input from {infinite.infinite_by} on")
    return "; ".join(parts)


def _unknown(report: Report) -> str:
    names = ", ".join(report.unknown[:4])
    more = f" and {len(report.unknown) - 4} more" if len(report.unknown) > 4 else ""
    return (
        f"{len(report.unknown)} {_plural('layer', len(report.unknown))}, so that totals are at "
        f"least what they say: {names}{more}"
    )


def _advice(report: Report) -> str:
    """How much there is, and by which rules."""
    rules = Counter(one.rule for one in report.advice)
    told = ", ".join(f"{rule} ({n})" if n > 1 else rule for rule, n in rules.most_common())
    return f"{len(report.advice)} {_plural('note', len(report.advice))}: {told}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
