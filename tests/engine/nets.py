"""Small networks, each with something that a compiler can get wrong."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Two convolutions and a shortcut, which is computed after them."""

    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 20, 3, padding=1)
        self.conv2 = nn.Conv2d(20, 16, 3, stride=2, padding=1)
        self.short = nn.Conv2d(channels, 16, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.conv1(x))) + self.short(x))


class SqueezeExcite(nn.Module):
    """Factors for the channels, from their means, in front of a 1x1 convolution."""

    def __init__(self, channels: int = 19) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 5, 1), nn.Conv2d(5, channels, 1)
        self.project = nn.Conv2d(channels, 11, 1)

    def forward(self, x: Tensor) -> Tensor:
        s = F.adaptive_avg_pool2d(x, 1)
        return self.project(x * torch.sigmoid(self.up(F.silu(self.down(s)))))


class Branches(nn.Module):
    """Concatenations of concatenations, of maps that others read, too."""

    def __init__(self, first: int = 8, growth: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, first, 3, padding=1)
        self.a = nn.Conv2d(first, growth, 3, padding=1)
        self.b = nn.Conv2d(first + growth, growth, 1)
        self.head = nn.Conv2d(first + 2 * growth, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x0 = F.relu(self.stem(x))
        x1 = F.relu(self.a(x0))
        x2 = torch.sigmoid(self.b(torch.cat([x0, x1], 1)))
        return self.head(torch.cat([x0, x1, x2], 1)) + self.head(torch.cat([x0, x2, x1], 1))


class ChannelsLast(nn.Module):
    """ConvNeXt's block: a norm and linear layers on channels that are last."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.wide, self.narrow = nn.Linear(channels, 50), nn.Linear(50, channels)
        self.gamma = nn.Parameter(torch.rand(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.narrow(F.gelu(self.wide(y))).permute(0, 3, 1, 2)
        return x + self.gamma * y


class SharedConv(nn.Module):
    """One convolution with two norms behind it, and one in front."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.BatchNorm2d(6)
        self.conv = nn.Conv2d(6, 6, 3, padding=1)
        self.n1, self.n2 = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        for norm in (self.first, self.n1, self.n2):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.n2(self.conv(F.relu(self.n1(self.conv(x)))))


class TwoHeads(nn.Module):
    """Two outputs, of which one is read by the other's branch; one is a view of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.more = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = self.conv(x)
        return y, torch.flatten(self.more(y), 1), y.argmax(1)


class Split(nn.Module):
    """Channels in two halves, of which one goes through, and a shuffle (ShuffleNet)."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels // 2, channels // 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, 1)
        y = torch.cat([a, F.relu(self.conv(b))], 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class OtherTypes(nn.Module):
    """Buffers of whole numbers, truths and doubles, which no kernel reads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.register_buffer("index", torch.tensor([3, 1, 0]))
        self.register_buffer("scalar", torch.tensor(2))
        self.register_buffer("factor", torch.tensor(0.3))
        self.register_buffer("mask", torch.arange(8).view(8, 1, 1) % 3 == 0)
        self.register_buffer("precise", torch.rand(8, 1, 1, dtype=torch.float64))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.conv(x)
        some = y[:, self.index] * self.scalar * self.factor
        masked = torch.where(self.mask, y, -y)
        return (
            some, masked, y.double() * self.precise, y.argmax(1) + self.scalar, self.index + 1,
            self.index, self.factor, self.mask,
        )  # fmt: skip


class PaddedShortcut(nn.Module):
    """A shortcut that takes every other pixel and pads channels (CIFAR ResNet's option A)."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.conv = nn.Conv2d(channels, out_channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        more = self.conv.out_channels - x.shape[1]
        short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2))
        return F.relu(self.conv(x) + short)


class Crops(nn.Module):
    """Slices and pads of maps: of every axis, one in the other, with steps and turned."""

    def __init__(self, channels: int = 21) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.conv(x)
        return (
            F.pad(y[:, :, 1:-1, 2:], (1, 0, 2, 1)),
            F.pad(F.pad(y, (1, 2, 0, 0)), (0, 1, 3, 0), value=2.0),
            F.pad(y, (2, 1, 3, 0), mode="reflect") + F.pad(y, (2, 1, 3, 0), mode="replicate"),
            F.pad(y, (2, 1, 0, 3), mode="circular"),
            F.pad(y, (-1, -1, 1, -2, 2, 3)),
            y[1:, 3:11, ::2, 1::3],
            y[:, 1::2],
            y[:, :, 1:3] * y[:, 4:5, 2:4],
            y.flip(3),
            y.flip(1, 2),
            x[:, 1:3, 1:-1],
            x[1:],
        )


class Moves(nn.Module):
    """Maps rolled, repeated, stacked, taken apart."""

    def __init__(self, channels: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.conv(x)
        pooled = F.adaptive_avg_pool2d(y, 1)
        return (
            y.roll((1, -2), (2, 3)),
            y.roll(3, 1),
            torch.cat([pooled.expand_as(y), y], 1),
            torch.cat([y, y * 2], 2),
            torch.cat([x, y.mean((2, 3), keepdim=True).expand(-1, -1, *x.shape[2:])], 1),
            y.repeat(1, 2, 1, 3),
            y.repeat(2, 3, 2, 2, 1),
            torch.stack([x, x * 2], 1),
            y[:, 3] * y[:, :, 2].mean(),
            x.permute(0, 2, 3, 1),
            y.permute(2, 0, 3, 1),
            y.permute(0, 2, 3, 1)[:, 1:, ::2],
            y.unflatten(1, (2, 5)).transpose(0, 1).contiguous(),
            y.unbind(3)[1],
        )


class Shuffles(nn.Module):
    """Pixels to channels and back, channels dealt out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 36, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.pixel_shuffle(self.conv(x), 2)
        y = F.pixel_unshuffle(F.relu(y), 4)
        y = F.channel_shuffle(y, 9)
        return F.pixel_shuffle(y.unflatten(1, (16, 9)).transpose(1, 2).flatten(1, 2), 3)


class Reductions(nn.Module):
    """Sums, means, extremes and shares over all kinds of axes."""

    def __init__(self, channels: int = 11) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.conv(x)
        gate = torch.cat([y.mean(1, keepdim=True), y.amax(1, keepdim=True)], 1)  # CBAM
        return (
            y * torch.sigmoid(gate.sum(1, keepdim=True)),
            y.mean((0, 2)), y.sum(3), y.amin((1, 3), keepdim=True), y.mean(),
            y.std((2, 3)), y.var((0, 2, 3), correction=0), y.norm(dim=1), y.norm(1, dim=(2, 3)),
            x.sum(0), x.mean((2, 3)), x.prod(1), x.logsumexp((1, 2, 3)),
            y.softmax(1), y.log_softmax(3), x.softmax(0), x.flatten(1).softmax(1),
        )  # fmt: skip


class SelfAttention(nn.Module):
    """Attention of all pixels of a map to all, with a mask, and other products."""

    def __init__(self, channels: int = 24, heads: int = 3) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Conv2d(3, channels, 2, stride=2)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.register_buffer("bias", torch.randn(heads, 1, 20))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.embed(x)
        tokens = y.flatten(2).transpose(1, 2)
        n, count, c = tokens.shape
        q, k, v = self.qkv(tokens).view(n, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=self.bias)
        causal = F.scaled_dot_product_attention(q, k[:, :1], v, is_causal=True)
        spelled = ((q * 0.3) @ k.transpose(-2, -1)).softmax(-1) @ v
        joined = self.out((seen + causal + spelled).transpose(1, 2).reshape(n, count, c))
        return (
            joined.transpose(1, 2).reshape(y.shape) + y,
            torch.einsum("nchw,nkhw->nkc", y, y),
            torch.einsum("bhid,bhjd->bhij", q, k),
            torch.matmul(x, x[0, 0].t()),
            x[0, 0] @ x[0, 1, 0],
        )


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "residual": (Residual, (2, 12, 9, 11)),
    "squeeze and excite": (SqueezeExcite, (2, 19, 6, 5)),
    "branches": (Branches, (1, 3, 8, 7)),
    "branches off the blocks": (lambda: Branches(5, 7), (2, 3, 8, 7)),
    "channels last": (ChannelsLast, (2, 24, 9, 8)),
    "shared convolution": (SharedConv, (1, 6, 7, 7)),
    "two heads": (TwoHeads, (2, 3, 6, 6)),
    "ends in a blocked map": (
        lambda: nn.Sequential(nn.Conv2d(3, 48, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
        (1, 3, 8, 8),
    ),
    "other types": (OtherTypes, (2, 3, 6, 6)),
    "split and shuffle": (Split, (1, 32, 6, 6)),
    "split off the blocks": (lambda: Split(20), (1, 20, 6, 6)),
    "padded shortcut": (lambda: PaddedShortcut(16, 32), (2, 3, 8, 8)),
    "padded shortcut off the blocks": (lambda: PaddedShortcut(10, 21), (2, 3, 7, 9)),
    "crops": (Crops, (2, 3, 7, 8)),
    "moves": (Moves, (2, 3, 5, 6)),
    "shuffles": (Shuffles, (2, 3, 6, 8)),
    "flattened": (
        lambda: nn.Sequential(nn.Conv2d(3, 11, 3), nn.Flatten(), nn.Dropout(), nn.Linear(132, 9)),
        (3, 3, 5, 6),
    ),
    "transposed": (lambda: nn.ConvTranspose2d(10, 7, 2, stride=2), (2, 10, 5, 6)),
    "transposed, overlapping": (
        lambda: nn.ConvTranspose2d(10, 7, 5, stride=2, padding=2, output_padding=1),
        (1, 10, 5, 6),
    ),
    "transposed, dilated": (lambda: nn.ConvTranspose2d(8, 8, 3, dilation=2), (1, 8, 5, 6)),
    "transposed, stride above kernel": (
        lambda: nn.ConvTranspose2d(9, 8, 2, stride=(3, 1), padding=1), (1, 9, 5, 6),
    ),
    "transposed, grouped, 1D": (
        lambda: nn.ConvTranspose1d(8, 12, 4, stride=3, groups=2), (2, 8, 9),
    ),
    "signal": (
        lambda: nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=4), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(16, 9, 3),
            nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(9, 4), nn.LogSoftmax(1),
        ),
        (2, 1, 201),
    ),
    "volume": (
        lambda: nn.Sequential(
            nn.Conv3d(2, 9, 3, padding=1), nn.ReLU(), nn.MaxPool3d((1, 2, 2)),
            nn.Conv3d(9, 8, 3, padding=(0, 1, 1)), nn.Flatten(), nn.Linear(8 * 2 * 3 * 3, 5),
        ),
        (2, 2, 4, 6, 7),
    ),
    "pools": (
        lambda: nn.Sequential(
            nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 1, 1, count_include_pad=False),
            nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AdaptiveAvgPool2d((3, 2)),
        ),
        (2, 9, 16, 15),
    ),
    "upsampling": (
        lambda: nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(9, 8, 3, padding=1),
            nn.Upsample(scale_factor=3, mode="nearest"),
        ),
        (1, 9, 5, 4),
    ),
    "reductions": (Reductions, (2, 3, 5, 6)),
    "attention": (SelfAttention, (2, 3, 8, 10)),
    "resized": (
        lambda: nn.Sequential(
            nn.Upsample(scale_factor=(1.7, 2.3), mode="bilinear", align_corners=True),
            nn.Conv2d(3, 9, 1), nn.Upsample(size=(4, 17), mode="bicubic"), nn.ReLU(),
            nn.Upsample(size=(6, 20), mode="nearest-exact"), nn.Upsample((9, 9), mode="nearest"),
        ),
        (2, 3, 5, 4),
    ),
    "norms": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 18, 3), nn.GroupNorm(3, 18), nn.SiLU(), nn.InstanceNorm2d(18, affine=True),
            nn.LocalResponseNorm(3), nn.Softmax(1),
        ),
        (2, 3, 8, 8),
    ),
    "activations": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 10, 1), nn.ELU(), nn.Hardswish(), nn.Mish(), nn.LeakyReLU(0.1), nn.GELU(),
            nn.Softplus(), nn.Tanh(), nn.PReLU(10), nn.Hardsigmoid(), nn.CELU(), nn.SELU(),
        ),
        (2, 3, 5, 5),
    ),
    "features only": (
        lambda: nn.Sequential(nn.Linear(13, 21), nn.BatchNorm1d(21), nn.ReLU(), nn.Linear(21, 3)),
        (5, 13),
    ),
}  # fmt: skip
