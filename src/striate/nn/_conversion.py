"""Rebuild a classifier's graph with maps in the place of what was flat: see `convolutionalize`."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as torch_f

from ..errors import OptionError
from . import _lenet, _pool_whole, _sliding

_RESHAPES = {"flatten", "view", "reshape", "squeeze", "getitem"}
_PERMUTES = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis"}
_ARITHMETIC = {"add", "sub", "mul", "truediv", "div", "iadd", "isub", "imul", "itruediv", "pow"}
_SOFTMAXES = {"softmax": nn.Softmax, "log_softmax": nn.LogSoftmax, "softmin": nn.Softmin}

# What is done to each number by itself is done alike to features and to maps.
_NAMES = """
relu relu_ relu6 leaky_relu elu celu selu gelu silu mish sigmoid tanh hardtanh hardsigmoid hardswish
softplus softsign tanhshrink softshrink hardshrink logsigmoid threshold dropout alpha_dropout
exp log sqrt abs square neg clamp contiguous clone detach to float
"""
_POINTWISE = _ARITHMETIC | set(_NAMES.split())
_POINTWISE_LAYERS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Softplus, nn.Softsign),
    *(nn.Tanhshrink, nn.Softshrink, nn.Hardshrink, nn.LogSigmoid, nn.Threshold, nn.RReLU),
    *(nn.Dropout, nn.AlphaDropout, nn.Identity, _lenet.ScaledTanh),
)
_AVERAGES = (nn.modules.pooling._AdaptiveAvgPoolNd, _pool_whole._GlobalAvgPool)
_MAXIMA = (nn.modules.pooling._AdaptiveMaxPoolNd, _pool_whole._GlobalMaxPool)


class Conversion:
    """Rebuild a graph node by node.

    `new` holds the new node of each old one, `flat` the old nodes whose values are features (N, F)
    that the new net has as maps, with the size of those maps for the example, and `order` where
    the axes went. Shapes, in the nodes' `meta`, are those of the old net for the example.
    """

    def __init__(self, net: nn.Module, graph: fx.Graph) -> None:
        self.net, self.old, self.graph = net, graph, fx.Graph()
        self.new: dict[fx.Node, fx.Node] = {}
        self.flat: dict[fx.Node, tuple[int, ...]] = {}
        self.order: dict[fx.Node, tuple[int, ...]] = {}
        self.parts: dict[str, Any] = {}
        self.ndim = next(len(_shape(n)) - 2 for n in graph.nodes if n.op == "placeholder")

    def run(self) -> fx.GraphModule:
        """Make the new net."""
        for node in self.old.nodes:
            if node.op != "get_attr":  # which follows where it is used, if it still is
                self.new[node] = self.convert(node)
        made = fx.GraphModule(self.parts, self.graph, type(self.net).__name__)
        made.graph.eliminate_dead_code()  # the sizes that a view was given
        made.graph.lint()
        made.delete_all_unused_submodules()
        made.recompile()
        return made.eval()

    def convert(self, node: fx.Node) -> fx.Node:
        flat = [value for value in node.all_input_nodes if value in self.flat]
        if node.op == "output":
            for value in flat:
                self.check_pixel(node, value)
            return self.copy(node)
        return self.on_features(node, flat[0]) if flat else self.on_maps(node)

    # Maps ---------------------------------------------------------------------------------------

    def on_maps(self, node: fx.Node) -> fx.Node:
        """Keep what works on maps; flattening starts the head, and whole-map poolings slide."""
        source = _source(node)
        if source is None or len(_shape(source)) < 3:
            return self.copy(node)
        before, shape = _shape(source), _shape(node)
        if kind := self.whole_map_pooling(node):
            return self.pool(node, source, kind)
        self.follow_order(node, source)
        if self.reshapes(node) and shape[:1] == before[:1] and len(shape) < len(before):
            squeezes = set(before[2:]) == {1} and shape[:2] == before[:2]
            if len(shape) == 2 or squeezes:
                return self.flatten(node, source)
            if _function(node) != "getitem" and shape[-self.ndim :] != before[-self.ndim :]:
                raise self.error(node, f"turns the map {before} into {shape}, which joins its axes")
        if len(shape) == 2:
            raise self.error(
                node, f"turns the map {before} into {shape}, neither flattened nor pooled"
            )
        self.check_broadcast(node)
        return self.copy(node)

    def flatten(self, node: fx.Node, source: fx.Node) -> fx.Node:
        before, shape = _shape(source), _shape(node)
        if torch.Size(before).numel() != torch.Size(shape).numel():
            raise self.error(node, f"takes {shape} out of the map {before}, not all of it")
        order = self.order.get(source, ())
        if order != tuple(sorted(order)):
            raise self.error(
                node, "flattens a map whose axes were moved; flatten it with the channels first"
            )
        self.flat[node] = before[2:]
        return self.new[source]

    def follow_order(self, node: fx.Node, source: fx.Node) -> None:
        """Note where the axes went: in a tensor of 1x2x3x4 numbers each has its own length."""
        rank = len(_shape(source))
        order = self.order.get(source, tuple(range(1, rank + 1)))
        if _function(node) in _PERMUTES:
            move = getattr(torch.empty(order, device="meta"), _function(node))
            options = {name: value for name, value in node.kwargs.items() if name != "input"}
            self.order[node] = tuple(move(*node.args[1:], **options).shape)
        elif len(_shape(node)) == rank:
            self.order[node] = order

    def whole_map_pooling(self, node: fx.Node) -> str:
        """Tell 'avg' or 'max' of a pooling whose window follows from the map, '' of others."""
        layer, function = self.layer(node), _function(node)
        if isinstance(layer, _AVERAGES) or function.startswith("adaptive_avg_pool"):
            return "avg"
        if isinstance(layer, _MAXIMA) or function.startswith("adaptive_max_pool"):
            return "max"
        if function.startswith(("avg_pool", "max_pool")) and len(node.all_input_nodes) > 1:
            if set(_shape(node)[2:]) != {1}:
                raise self.error(node, "has a window that is computed, and is not the whole map")
            return function[:3]
        axes = _argument(node, 1, "dim")
        if function in ("mean", "amax") and axes is not None:
            rank = len(_shape(node.all_input_nodes[0]))
            axes = (axes,) if isinstance(axes, int) else axes
            if sorted(axis % rank for axis in axes) == list(range(2, rank)):
                return "avg" if function == "mean" else "max"
        return ""

    def pool(self, node: fx.Node, source: fx.Node, kind: str) -> fx.Node:
        sizes, shape = _shape(source)[2:], _shape(node)
        if not shape:
            raise self.error(node, "tells where the maxima stand, which cannot slide")
        outputs = shape[2:] or (1,) * len(sizes)
        axes = [_sliding.sliding_axis(n, m) for n, m in zip(sizes, outputs, strict=True)]
        if None in axes:
            raise self.error(
                node,
                f"makes {_by(outputs)} of the {_by(sizes)} map that the example gives, which no "
                f"sliding window does. Give an example for which its map is {_by(outputs)} or a "
                f"multiple",
            )
        if len(shape) == 2:
            self.flat[node] = outputs
        kernel_size, stride = zip(*(axis for axis in axes if axis), strict=True)
        if set(kernel_size) == {1}:
            return self.new[source]
        return self.call(node, _sliding.pool_of_windows(kind, kernel_size, stride), source)

    def check_broadcast(self, node: fx.Node) -> None:
        """Refuse one number a channel, of the whole map, that scales the map."""
        if _function(node) not in _ARITHMETIC:
            return
        shapes = [_shape(value) for value in node.all_input_nodes if value.op != "get_attr"]
        sizes = {shape[2:] for shape in shapes if len(shape) > 2}
        if len(sizes) > 1:
            raise self.error(
                node,
                f"joins maps of {' and '.join(sorted(map(_by, sizes)))}: what is pooled from the "
                f"whole image (squeeze and excitation, say) differs from crop to crop",
            )

    # Features -----------------------------------------------------------------------------------

    def on_features(self, node: fx.Node, source: fx.Node) -> fx.Node:
        """Put a layer on maps in the place of a layer on features."""
        layer, function = self.layer(node), _function(node)
        if function == "size" and _argument(node, 1, "dim") == 0:
            return self.copy(node)
        if self.reshapes(node):
            return self.reshape_features(node, source)
        if len(_shape(source)) != 2:
            raise self.error(node, f"reads {_shape(source)}; features must be (N, features)")
        self.flat[node] = self.flat[source]
        if isinstance(layer, nn.Linear):
            return self.linear(node, source, layer.weight, layer.bias)
        if function == "linear":
            weight, bias = self.constant(node, 1, "weight"), self.constant(node, 2, "bias")
            return self.linear(node, source, weight, bias)
        if isinstance(layer, _POINTWISE_LAYERS) or function in _POINTWISE:
            return self.pointwise(node, source)
        if isinstance(layer, nn.BatchNorm1d | nn.LayerNorm | nn.PReLU | _lenet.RBF):
            self.check_pixel(node, source)
            return self.per_channel(node, source, layer)
        if function in _SOFTMAXES or isinstance(layer, tuple(_SOFTMAXES.values())):
            self.check_pixel(node, source)
            return self.softmax(node, source, layer, function)
        raise self.error(node, "has no counterpart that slides, and stands among the linear layers")

    def linear(
        self, node: fx.Node, source: fx.Node, weight: Tensor, bias: Tensor | None
    ) -> fx.Node:
        sizes = self.flat[source]
        self.flat[node] = (1,) * len(sizes)
        return self.call(node, _sliding.conv_of_linear(weight, bias, sizes), source)

    def per_channel(self, node: fx.Node, source: fx.Node, layer: nn.Module) -> fx.Node:
        ndim = len(self.flat[source])
        if isinstance(layer, nn.BatchNorm1d):
            return self.call(node, _sliding.batch_norm_of_maps(layer, ndim), source)
        if isinstance(layer, nn.LayerNorm):
            return self.call(node, _sliding.layer_norm_of_maps(layer, ndim), source)
        return self.copy(node)  # PReLU and RBF read maps as well

    def softmax(
        self, node: fx.Node, source: fx.Node, layer: nn.Module | None, function: str
    ) -> fx.Node:
        dim = layer.dim if layer else _argument(node, 1, "dim")
        if dim not in (None, 1, -1):
            raise self.error(node, f"runs along axis {dim}; only that of the classes, 1, can slide")
        kind: Any = type(layer) if layer else _SOFTMAXES[function]
        return self.call(node, kind(dim=1), source)

    def pointwise(self, node: fx.Node, source: fx.Node) -> fx.Node:
        for value in node.all_input_nodes:
            alike = self.flat.get(value) == self.flat[source] and _shape(value) == _shape(source)
            if not alike and _shape(value) != ():
                raise self.error(
                    node,
                    f"joins {_shape(source)} with {_shape(value)}; only features of the same shape "
                    f"stay so as maps",
                )
        return self.copy(node)

    def reshape_features(self, node: fx.Node, source: fx.Node) -> fx.Node:
        before, shape = _shape(source), _shape(node)
        same = torch.Size(before).numel() == torch.Size(shape).numel()
        if not same or not 2 <= len(shape) <= len(before) or shape[0] != before[0]:
            raise self.error(node, f"turns features {before} into {shape}; they must stay features")
        self.flat[node] = self.flat[source]
        return self.new[source]

    def check_pixel(self, node: fx.Node, source: fx.Node) -> None:
        """Refuse features that are positions as well as channels."""
        if set(self.flat[source]) != {1}:
            raise self.error(
                node,
                f"works on a flattened map of {_by(self.flat[source])}, whose features are places "
                f"as well as channels; only behind a linear layer or a pooling can it slide",
            )

    # Nodes and parts ----------------------------------------------------------------------------

    def copy(self, node: fx.Node) -> fx.Node:
        made = self.graph.node_copy(node, self.value)
        if node.op in ("call_module", "get_attr"):
            made.target = self.place(str(node.target), self.part(node))
        return made

    def value(self, node: fx.Node) -> fx.Node:
        if node not in self.new:
            self.new[node] = self.copy(node)
        return self.new[node]

    def call(self, node: fx.Node, layer: nn.Module, source: fx.Node) -> fx.Node:
        name = str(node.target) if node.op == "call_module" else node.name
        return self.graph.call_module(self.place(name, layer), (self.new[source],))

    def place(self, name: str, part: Any) -> str:
        """Keep a layer under its name, or one like it where a shared layer becomes two."""
        free, number = name, 1
        while self.parts.get(free, part) is not part:
            free, number = f"{name}_{number}", number + 1
        self.parts[free] = part
        return free

    def part(self, node: fx.Node) -> Any:
        return operator.attrgetter(str(node.target))(self.net)

    def layer(self, node: fx.Node) -> Any:
        return self.part(node) if node.op == "call_module" else None

    def reshapes(self, node: fx.Node) -> bool:
        return _function(node) in _RESHAPES or isinstance(self.layer(node), nn.Flatten)

    def constant(self, node: fx.Node, position: int, name: str) -> Any:
        value = _argument(node, position, name)
        if isinstance(value, fx.Node):
            if value.op != "get_attr":
                raise self.error(node, f"has a {name} that is computed; only a parameter can slide")
            return self.part(value)
        return value

    def error(self, node: fx.Node, reason: str) -> OptionError:
        name = "the output" if node.op == "output" else f"{_function(node) or node}()"
        if layer := self.layer(node):
            name = f"{type(layer).__name__} '{node.target}'"
        return OptionError(f"{name} {reason}.", subject="convolutionalize")


def _function(node: fx.Node) -> str:
    """Name the method or function of torch's that a node calls; '' for all else."""
    if node.op == "call_method":
        return str(node.target)
    name = getattr(node.target, "__name__", "")
    spaces = (torch_f, torch, operator)
    known = any(getattr(space, name, None) is node.target for space in spaces if name)
    return name if known and node.op == "call_function" else ""


def _source(node: fx.Node) -> fx.Node | None:
    """The node whose value a layer or function works on: its first argument."""
    first = _argument(node, 0, "input")
    return first if isinstance(first, fx.Node) else None


def _argument(node: fx.Node, position: int, name: str) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name)


def _shape(node: fx.Node) -> tuple[int, ...]:
    shape: tuple[int, ...] = node.meta["shape"]
    return shape


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
