"""A classifier with a linear head as the same net in convolutions, which slides."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, fx, nn

from ..errors import OptionError
from ._conversion import Conversion


def convolutionalize(net: nn.Module, example: Tensor | tuple[int, ...]) -> nn.Module:
    """Turn the linear layers of a classifier into convolutions, so that it slides over images.

    A linear layer that reads a flattened map is a convolution whose filters are as large as the
    map; the layers behind it are 1x1 convolutions. At the size of `example` the new net gives the
    old net's outputs, as 1x1 maps. On larger images it gives a map of them: place (i, j) is what
    the old net makes of the crop at (i*S, j*S), S the stride of the whole net. That is exact where
    no layer pads or normalises over whole maps; else crops see padding where the image goes on.

    The flattening may be spelled in any way, adaptive and global poolings become poolings with the
    window they have at the size of `example`, and BatchNorm1d, LayerNorm, RBF, softmax and
    everything pointwise go along in the head.

    Args:
        net: The classifier. It stays as it is: the weights are copied.
        example: A batch as the net takes it, or the shape of one input without the batch,
            (C, H, W) say.
    Returns:
        The new net, in eval mode: input (N, C, H, W), output (N, classes, H_out, W_out). Layers
        keep their names. What is convolutional already stays so.
    Raises:
        OptionError: The forward cannot be followed, or a layer has no counterpart that slides;
            the message names it.
    Example:
        >>> from striate import zoo
        >>> net = convolutionalize(zoo.lenet5(), (1, 32, 32))
        >>> net(torch.zeros(1, 1, 32, 32)).shape, net(torch.zeros(1, 1, 48, 64)).shape
        (torch.Size([1, 10, 1, 1]), torch.Size([1, 10, 5, 9]))

    Source: Matan, Burges, LeCun, Denker 1992, "Multi-digit recognition using a space displacement
    neural network"; Sermanet et al. 2014, arXiv:1312.6229.
    """
    net = deepcopy(net).eval()
    batch = _batch(net, example)
    with torch.no_grad():
        return Conversion(net, _trace(net, batch)).run()


def _batch(net: nn.Module, example: Tensor | tuple[int, ...]) -> Tensor:
    if not isinstance(example, Tensor):
        like = next((p for p in net.parameters() if p.is_floating_point()), torch.zeros(()))
        # Two, so that no axis of length 1 is taken for the batch.
        example = torch.zeros((2, *example), dtype=like.dtype, device=like.device)
    if example.dim() not in (3, 4, 5):
        raise OptionError(
            f"example {tuple(example.shape)} has no map to slide over; a batch is NCL, NCHW or "
            f"NCDHW, a shape the same without N.",
            subject="convolutionalize",
        )
    return example


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        ours = type(m).__module__.startswith("striate.nn.")
        return ours or super().is_leaf_module(m, module_qualified_name)


class _Measure(fx.Interpreter):
    """Run a graph and note the shape of what each node makes; () for what is no tensor."""

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape) if isinstance(result, Tensor) else ()
        return result


def _trace(net: nn.Module, batch: Tensor) -> fx.Graph:
    try:
        graph = _Tracer().trace(net)
    except Exception as error:
        reason = str(error).partition(". ")[0]
        raise OptionError(
            f"the forward of {type(net).__name__} cannot be followed by torch.fx: {reason}. It "
            f"may not branch or loop on what is in a tensor.",
            subject="convolutionalize",
        ) from error
    inputs = [node for node in graph.nodes if node.op == "placeholder" and not node.args]
    if len(inputs) != 1:
        raise OptionError(
            f"{type(net).__name__} takes {len(inputs)} inputs; only nets that take one image can "
            f"slide over it.",
            subject="convolutionalize",
        )
    net(batch)  # what does not fit is named by its path, which the graph's interpreter lacks
    _Measure(fx.GraphModule(net, graph)).run(batch)
    return graph
