"""The gradient of convolutions for their filters, and for the bias in the same pass."""

from __future__ import annotations

from ...graph.ops import ConvWeightGradient
from .._fuse import Group
from ._lowering import Lowering, lowers, spatial
from .conv import reads_plain


@lowers("conv_weight_gradient")
def lower_conv_weight_gradient(low: Lowering, group: Group) -> None:
    """From blocked maps, or the plain input where the convolution reads that; plain gradients."""
    op = low.graph.op(group.node)
    assert isinstance(op, ConvWeightGradient)
    value, gradient = group.node.inputs
    assert value is not None
    assert gradient is not None
    low.check_floats(value, gradient, group.output, filled=True)
    plain = reads_plain(low, value, op.groups)
    x = low.plain(value) if plain else low.standard(value)
    gy = low.standard(gradient)
    sizes = low.shape(value)[2:]
    windows = [w.on(n) for w, n in zip(op.windows, sizes, strict=True)]
    attributes = {
        "batch": gy.batch,
        "in_channels": low.shape(value)[1],
        "out_channels": gy.channels,
        "groups": op.groups,
        "in": spatial(sizes, 1),
        "out": list(gy.sizes),
        "kernel": spatial((w.size for w in windows), 1),
        "stride": spatial((int(w.stride) for w in windows), 1),
        "dilation": spatial((int(w.dilation) for w in windows), 1),
        "padding": spatial((int(w.before) for w in windows), 0),
        "plain_input": plain,
        "y_batch_stride": gy.batch_stride,
        "bias": group.sums is not None,
    }
    if not plain:
        attributes["x_batch_stride"] = x.batch_stride
    outputs = [low.make_plain(group.output)]
    if group.sums:
        outputs.append(low.make_plain(group.sums.outputs[0]))
    low.emit(group, "conv_weight_gradient", attributes, [x, gy], outputs)
