"""ATen's convolutions, poolings, normalisations and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...window import Window
from .. import ops
from ._translator import Call, pairs, translates


def windows(call: Call, count: int, size: Any, stride: Any = None) -> tuple[Window, ...]:
    """Make the windows of a call from torch's arguments."""
    sizes = pairs(size, count)
    stride = call.get("stride", ()) if stride is None else stride
    steps = pairs(stride, count) if stride else sizes  # torch leaves it empty for the same
    padding = call.get("padding", 0)
    pads = (padding,) * count if isinstance(padding, str) else pairs(padding, count)
    dilations = pairs(call.get("dilation", 1), count)
    ceil_mode = bool(call.get("ceil_mode", False))
    return tuple(
        Window(k, s, d, p, ceil_mode)
        for k, s, d, p in zip(sizes, steps, dilations, pads, strict=True)
    )


def batched(call: Call, axes: int, make: Callable[[str], Any]) -> Any:
    """Translate a layer that torch also lets run on one image: give the image a batch of one."""
    if call.rank("input" if "input" in call.arguments else "self") != axes + 1:
        return make(call.data)
    one = call.emit(ops.Unsqueeze((0,)), call.data, part="unsqueeze")
    made = make(one)
    if isinstance(made, tuple):
        return tuple(call.emit(ops.Squeeze((0,)), each, part="squeeze") for each in made)
    return call.emit(ops.Squeeze((0,)), made, part="squeeze")


@translates("aten.conv1d", "aten.conv2d", "aten.conv3d")
def _conv(call: Call) -> Any:
    axes = int(call.operator.split(".")[1][4])
    sizes = call.type_of("weight").shape[2:]
    op = ops.Conv(windows(call, axes, sizes), call["groups"])
    return batched(call, axes, lambda x: call.emit(op, x, call["weight"], call["bias"]))


@translates("aten.convolution")
def _convolution(call: Call) -> Any:
    sizes = call.type_of("weight").shape[2:]
    if not call["transposed"]:
        op: ops.Conv | ops.ConvTranspose = ops.Conv(
            windows(call, len(sizes), sizes), call["groups"]
        )
    else:
        more = pairs(call["output_padding"], len(sizes))
        op = ops.ConvTranspose(windows(call, len(sizes), sizes), more, call["groups"])
    return batched(call, len(sizes), lambda x: call.emit(op, x, call["weight"], call["bias"]))


@translates("aten.conv_transpose1d", "aten.conv_transpose2d", "aten.conv_transpose3d")
def _conv_transpose(call: Call) -> Any:
    axes = call.rank("weight") - 2
    sizes = call.type_of("weight").shape[2:]
    more = pairs(call["output_padding"], axes)
    op = ops.ConvTranspose(windows(call, axes, sizes), more, call["groups"])
    return batched(call, axes, lambda x: call.emit(op, x, call["weight"], call["bias"]))


@translates("aten.linear")
def _linear(call: Call) -> Any:
    return call.emit(ops.Linear(), call["input"], call["weight"], call["bias"])


@translates("aten.addmm")
def _addmm(call: Call) -> Any:
    product = call.emit(ops.MatMul(), call["mat1"], call["mat2"], part="matmul")
    return call.emit(ops.Binary("add"), product, call["self"], part="add")


@translates("aten.matmul", "aten.bmm", "aten.mm", "aten.mv")
def _matmul(call: Call) -> Any:
    right = next(n for n in ("other", "mat2", "vec") if n in call.arguments)
    return call.emit(ops.MatMul(), call["self"], call[right])


@translates("aten.einsum")
def _einsum(call: Call) -> Any:
    operands, arrow, result = call["equation"].replace(" ", "").partition("->")
    letters = operands.split(",")
    plain = all(part.isalpha() and len(set(part)) == len(part) for part in letters)
    if len(letters) != 2 or not arrow or not plain or not set(result) <= set(operands):
        return None
    return call.emit(ops.Einsum(f"{operands}->{result}"), *call["tensors"])


@translates("aten.scaled_dot_product_attention")
def _attention(call: Call) -> Any:
    if call.get("enable_gqa"):
        return None
    op = ops.Attention(call["scale"], bool(call["is_causal"]))
    return call.emit(op, call["query"], call["key"], call["value"], call["attn_mask"])


def _pool_axes(call: Call) -> int:
    return int(call.operator.split(".")[1].split("pool")[1][0])


@translates("aten.max_pool1d", "aten.max_pool2d", "aten.max_pool3d")
def _max_pool(call: Call) -> Any:
    axes = _pool_axes(call)
    op = ops.MaxPool(windows(call, axes, call["kernel_size"]))
    return batched(call, axes, lambda x: call.emit(op, x))


@translates(
    "aten.max_pool1d_with_indices", "aten.max_pool2d_with_indices", "aten.max_pool3d_with_indices"
)
def _max_pool_with_indices(call: Call) -> Any:
    axes = _pool_axes(call)
    op = ops.MaxPool(windows(call, axes, call["kernel_size"]), indices=True)
    return batched(call, axes, lambda x: call.emit(op, x, outputs=2))


@translates("aten.avg_pool1d", "aten.avg_pool2d", "aten.avg_pool3d")
def _avg_pool(call: Call) -> Any:
    axes = _pool_axes(call)
    include, divisor = call["count_include_pad"], call.get("divisor_override")
    op = ops.AvgPool(windows(call, axes, call["kernel_size"]), include, divisor)
    return batched(call, axes, lambda x: call.emit(op, x))


@translates("aten.adaptive_avg_pool1d", "aten.adaptive_avg_pool2d", "aten.adaptive_avg_pool3d")
def _adaptive_avg_pool(call: Call) -> Any:
    op = ops.AdaptivePool(_kept_sizes(call))
    return batched(call, _pool_axes(call), lambda x: call.emit(op, x))


@translates("aten.adaptive_max_pool1d", "aten.adaptive_max_pool2d", "aten.adaptive_max_pool3d")
def _adaptive_max_pool(call: Call) -> Any:
    op = ops.AdaptivePool(_kept_sizes(call), "max", indices=True)
    return batched(call, _pool_axes(call), lambda x: call.emit(op, x, outputs=2))


def _kept_sizes(call: Call) -> tuple[int | None, ...]:
    """Output sizes, with None where torch was told to keep an axis (it puts the length in)."""
    return tuple(
        n if isinstance(n, int) else None for n in pairs(call["output_size"], _pool_axes(call))
    )


@translates("aten.batch_norm", "aten.cudnn_batch_norm")
def _batch_norm(call: Call) -> Any:
    op = ops.BatchNorm(call["eps"], bool(call["training"]))
    weights = (call["weight"], call["bias"], call["running_mean"], call["running_var"])
    return call.emit(op, call["input"], *weights)


@translates("aten.instance_norm")
def _instance_norm(call: Call) -> Any:
    weights = (call["weight"], call["bias"])
    if not call["use_input_stats"]:
        stats = (call["running_mean"], call["running_var"])
        return call.emit(ops.BatchNorm(call["eps"]), call["input"], *weights, *stats)
    return call.emit(ops.GroupNorm(None, call["eps"]), call["input"], *weights)


@translates("aten.layer_norm")
def _layer_norm(call: Call) -> Any:
    op = ops.LayerNorm(len(call["normalized_shape"]), call["eps"])
    return call.emit(op, call["input"], call["weight"], call["bias"])


@translates("aten.rms_norm")
def _rms_norm(call: Call) -> Any:
    eps = call["eps"] if call["eps"] is not None else 1.1920929e-07
    op = ops.LayerNorm(len(call["normalized_shape"]), eps, rms=True)
    return call.emit(op, call["input"], call["weight"])


@translates("aten.group_norm")
def _group_norm(call: Call) -> Any:
    op = ops.GroupNorm(call["num_groups"], call["eps"])
    return call.emit(op, call["input"], call["weight"], call["bias"])


@translates("aten.dropout", "aten.dropout_", "aten.alpha_dropout")
def _dropout(call: Call) -> Any:
    return _dropped(call, "element")


@translates("aten.feature_dropout", "aten.feature_dropout_", "aten.feature_alpha_dropout")
def _feature_dropout(call: Call) -> Any:
    return _dropped(call, "channel")


def _dropped(call: Call, per: str) -> Any:
    trains = bool(call["train"])
    if "alpha" in call.operator and trains and call["p"] > 0:
        return None  # it sets numbers to another one than 0
    return call.emit(ops.Dropout(call["p"], per, trains), call.data)


@translates("aten.upsample_nearest1d", "aten.upsample_nearest2d", "aten.upsample_nearest3d")
def _nearest(call: Call) -> Any:
    return _resize(call, "nearest", "asymmetric")


@translates(
    "aten._upsample_nearest_exact1d", "aten._upsample_nearest_exact2d",
    "aten._upsample_nearest_exact3d",
)  # fmt: skip
def _nearest_exact(call: Call) -> Any:
    return _resize(call, "nearest", "half_pixel", rounding="round_prefer_ceil")


@translates("aten.upsample_linear1d", "aten.upsample_bilinear2d", "aten.upsample_trilinear3d")
def _linear_upsample(call: Call) -> Any:
    return _resize(call, "linear", "align_corners" if call["align_corners"] else "half_pixel")


@translates("aten.upsample_bicubic2d")
def _cubic(call: Call) -> Any:
    return _resize(call, "cubic", "align_corners" if call["align_corners"] else "half_pixel")


def _resize(call: Call, mode: Any, coordinates: Any, rounding: str = "floor") -> Any:
    scales = call.get("scale_factors")
    if scales is None:
        given = [call.get(f"scales{axis}") for axis in ("", "_d", "_h", "_w")]
        scales = tuple(s for s in given if s is not None) or None
    if scales is not None:
        scales = tuple(map(float, scales))
    size = call["output_size"] if "output_size" in call.arguments else call.get("size")
    op = ops.Resize(
        tuple(size) if size is not None else None,
        scales if size is None or scales is not None else None,
        mode, coordinates, rounding, use_scale=scales is not None,
    )  # fmt: skip
    return call.emit(op, call.data)


@translates("aten.pixel_shuffle")
def _pixel_shuffle(call: Call) -> Any:
    return call.emit(ops.PixelShuffle(call["upscale_factor"]), call["self"])


@translates("aten.pixel_unshuffle")
def _pixel_unshuffle(call: Call) -> Any:
    return call.emit(ops.PixelUnshuffle(call["downscale_factor"]), call["self"])


@translates("aten.channel_shuffle")
def _channel_shuffle(call: Call) -> Any:
    return call.emit(ops.ChannelShuffle(call["groups"]), call["self"])
