"""M5: convolutions along raw audio, without a spectrogram.

Dai, Dai, Qu, Li, Das 2016, arXiv:1610.00087, table 1. As published, with a linear layer on the
global average.
"""

from __future__ import annotations

from .. import nn
from ._registry import register, scaled

PAPER = "Dai et al. 2016, Very deep convolutional networks for raw waveforms, arXiv:1610.00087"


@register(PAPER, (1, 8000), 10)
def m5(
    in_channels: int = 1, num_classes: int = 10, width: float = 1.0, stride: int = 4
) -> nn.Sequential:
    """Four 1D convolutions on a waveform, the first 80 samples long; a global average.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on 128, 128, 256 and 512, the channels of the layers.
        stride: Of the first convolution, in samples; 4 suits 8 kHz.
    Shape:
        input (N, in_channels, L), L about one second; output (N, num_classes).
    Example:
        >>> from striate import zoo
        >>> zoo.m5()(torch.zeros(2, 1, 8000)).shape
        torch.Size([2, 10])
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for number, planes in enumerate((128, 128, 256, 512)):
        out_channels = scaled(planes, width)
        kernel, step, padding = (80, stride, 38) if number == 0 else (3, 1, 1)
        layers += [
            nn.Conv1d(channels, out_channels, kernel, step, padding, bias=False),
            nn.BatchNorm1d(out_channels),
            nn.ReLU(inplace=True),
            nn.MaxPool1d(4),
        ]
        channels = out_channels
    return nn.Sequential(
        *layers, nn.GlobalAvgPool1d(), nn.Flatten(), nn.Linear(channels, num_classes)
    )
