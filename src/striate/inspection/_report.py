"""The report: a row for each layer, the totals, and what can be asked of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..graph import Graph
from ._field import AxisField
from ._memory import OPTIMIZER_STATES, Memory
from ._row import Row

if TYPE_CHECKING:
    from .advice import Advice


@dataclass(frozen=True, eq=False)
class Report:
    """What `striate.inspect` found.

    Args:
        graph: The network.
        rows: One for each operation, in the order they run.
        memory: Bytes over time.
        optimizer: Whose state `peak_memory_training` counts: `sgd` (none), `momentum` (one number
            a parameter), `adam` or `adamw` (two).
        unused: Parameters that no operation reads: name and count.
    """

    graph: Graph
    rows: tuple[Row, ...]
    memory: Memory = field(repr=False)
    optimizer: str = "momentum"
    unused: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        """Find a row by its name, or by the path of a module with one operation.

        Raises:
            OptionError: There is none; the message offers near names.
        """
        return self._by_node[self.graph[name].name]

    @cached_property
    def _by_node(self) -> dict[str, Row]:
        return {row.name: row for row in self.rows}

    # Totals -------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the network is called."""
        return self.graph.name

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each input by name."""
        return {name: kind.shape for name, kind in self.graph.inputs.items()}

    @property
    def output_shapes(self) -> dict[str, tuple[int, ...] | None]:
        """The shape of each output by name; None where it is not known."""
        types = {name: self.graph.types[name] for name in self.graph.outputs}
        return {name: kind.shape if kind else None for name, kind in types.items()}

    @property
    def batch_size(self) -> int:
        """Length of the first input's first axis."""
        return next(iter(self.input_shapes.values()), (1,))[0]

    @cached_property
    def params(self) -> int:
        """Learned numbers, shared ones counted once, unused ones too (as torch does)."""
        return sum(row.params for row in self.rows) + sum(self.unused.values())

    @cached_property
    def trainable_params(self) -> int:
        """Learned numbers that receive a gradient."""
        weights = self.graph.weights.values()
        return sum(w.type.numel for w in weights if w.role == "parameter" and w.trainable)

    @property
    def frozen_params(self) -> int:
        """Learned numbers that are kept as they are."""
        return self.params - self.trainable_params

    @property
    def buffers(self) -> int:
        """Numbers that are saved and not learned: running statistics."""
        weights = self.graph.weights.values()
        return sum(w.type.numel for w in weights if w.role == "buffer")

    @cached_property
    def macs(self) -> int:
        """Multiply-adds forward, of the whole batch; at least that many where `unknown` is not
        empty.
        """
        return sum(row.macs or 0 for row in self.rows)

    @property
    def flops(self) -> int:
        """Floating point operations of the products: 2 a MAC."""
        return 2 * self.macs

    @cached_property
    def backward_macs(self) -> int:
        """Multiply-adds of the gradients."""
        return sum(row.backward_macs or 0 for row in self.rows)

    @cached_property
    def units(self) -> int:
        """Numbers in all maps that layers with connections make."""
        return sum(row.units or 0 for row in self.rows if row.connections is not None)

    @cached_property
    def connections(self) -> int:
        """Pairs of a unit and a real unit or bias it sums up."""
        return sum(row.connections or 0 for row in self.rows)

    @cached_property
    def padding_connections(self) -> int:
        """Pairs of a unit and padding, which are not among the connections."""
        return sum(row.padding_connections or 0 for row in self.rows)

    @cached_property
    def param_bytes(self) -> int:
        """Bytes of the learned numbers."""
        weights = self.graph.weights.values()
        return sum(w.type.nbytes for w in weights if w.role == "parameter")

    @cached_property
    def weights_file_bytes(self) -> int:
        """Bytes of the learned numbers and the buffers: a file of the weights, less its header."""
        weights = self.graph.weights.values()
        return sum(w.type.nbytes for w in weights if w.role != "constant")

    @property
    def peak_memory_inference(self) -> int:
        """Bytes of maps alive at the worst moment at test time, each freed after its last reader.

        The input counts as a map; the weights are apart, in `weights_file_bytes`.
        """
        return self.memory.peak

    @cached_property
    def peak_memory_compiled(self) -> int:
        """Bytes that a call of `striate.compile`'s plan allocates on one thread.

        Its steps are fused and write in place, so maps take less; the kernels' scratch is in it.

        Raises:
            GraphError: The network holds an operation that cannot be compiled.
        """
        from ..engine import planned_bytes

        return planned_bytes(self.graph)

    @cached_property
    def peak_memory_compiled_training(self) -> int:
        """Bytes that both passes of `striate.compile(..., train=True)` allocate on one thread.

        In the mode, training or eval, that the network is in, for all that is trained: maps, what
        the backward pass needs of them, packed weights and the kernels' scratch. Outputs and
        gradients are tensors of torch's, apart.

        Raises:
            GraphError: The network holds an operation that cannot be trained on native kernels.
        """
        from ..engine.train import planned_training_bytes

        return planned_training_bytes(self.graph)

    @property
    def saved_for_backward(self) -> int:
        """Bytes of maps, masks, indices and statistics that torch keeps for the backward pass."""
        return self.memory.saved_total

    @property
    def gradient_bytes(self) -> int:
        """Bytes of the gradients of the trainable parameters."""
        weights = self.graph.weights.values()
        return sum(w.type.nbytes for w in weights if w.role == "parameter" and w.trainable)

    @property
    def optimizer_bytes(self) -> int:
        """Bytes the optimizer keeps."""
        return OPTIMIZER_STATES[self.optimizer] * self.gradient_bytes

    @property
    def peak_memory_training(self) -> int:
        """Bytes saved for backward, of gradients and of the optimizer's state.

        The weights are apart, in `weights_file_bytes`.
        """
        return self.saved_for_backward + self.gradient_bytes + self.optimizer_bytes

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Rows about which something is not known: where there are any, totals are "at least"."""
        return tuple(
            row.name
            for row in self.rows
            if row.macs is None or row.output_shape is None or row.saved_bytes is None
        )

    def largest_batch(self, gigabytes: float, *, training: bool = True) -> int:
        """Find the largest batch whose memory, with the weights, fits.

        Args:
            gigabytes: Memory in GB of 10^9 bytes.
            training: Count what training needs; else what a forward pass at test time needs.
        Returns:
            The batch size; 0 where not even one input fits.
        """
        batch = max(self.batch_size, 1)
        fixed = self.weights_file_bytes
        if training:
            fixed += self.gradient_bytes + self.optimizer_bytes
        maps = self.saved_for_backward if training else self.peak_memory_inference
        room = gigabytes * 1e9 - fixed
        return max(int(room * batch // max(maps, 1)), 0)

    def receptive_field(self, layer: str, of: str | None = None) -> tuple[AxisField | None, ...]:
        """Tell what a layer's units see of the input, or of an earlier layer's map.

        Args:
            layer: Whose units.
            of: The earlier layer, or an input's name; by default the first input.
        Returns:
            One field for each axis behind the channels; None for an axis they do not depend on.
        Raises:
            OptionError: There is no such layer, or it does not depend on the other one.
        """
        from ._fields_of import fields_of

        return fields_of(self.graph, layer, of)

    @cached_property
    def advice(self) -> tuple[Advice, ...]:
        """What stands out, layer by layer: why it matters, and what to do."""
        from .advice import advise

        return advise(self)

    # Renderings ---------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Tell the whole report in plain dicts and lists: what `to_json` writes."""
        from .render import as_dict

        return as_dict(self)

    def to_json(self, path: str | Path | None = None, *, indent: int | None = 2) -> str:
        """Write the report as JSON; its schema is in `docs/inspect.md`."""
        text = json.dumps(self.as_dict(), indent=indent, allow_nan=False)
        return _written(text, path)

    def to_csv(self, path: str | Path | None = None) -> str:
        """Write the rows as CSV, one column a quantity."""
        from .render import csv_text

        return _written(csv_text(self), path)

    def to_markdown(self, path: str | Path | None = None, **options: Any) -> str:
        """Write a table in Markdown; options as in `to_text`."""
        from .render import markdown_text

        return _written(markdown_text(self, **options), path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Write one self-contained page: table, cost, receptive fields, memory over time."""
        from .render import html_page

        return _written(html_page(self), path)

    def to_dataframe(self) -> Any:
        """Make a pandas DataFrame, one row a layer.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from .render import dataframe

        return dataframe(self)

    def to_text(self, **options: Any) -> str:
        """Write the table as plain text.

        Args:
            options: `columns`, `depth`, `sort`, `width`: see `striate inspect --help`.
        """
        from .render import plain_text

        return plain_text(self, **options)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        from .render import notebook_html

        return notebook_html(self)


def _written(text: str, path: str | Path | None) -> str:
    """Put the text into a file, whole or not at all, if one is named."""
    if path is not None:
        from ._files import write_text

        write_text(Path(path), text)
    return text


def check_optimizer(name: str) -> None:
    """Refuse an optimizer whose state is not known."""
    if name not in OPTIMIZER_STATES:
        known = ", ".join(OPTIMIZER_STATES)
        raise OptionError(f"optimizer={name!r} is not known. Known are {known}.")
