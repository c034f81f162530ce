"""Build LeNet-5 as published in 1998, layer by layer, check it against the paper, and train it.

    python examples/lenet5_by_hand.py

`striate.zoo.lenet5_1998()` is the same network ready made. This file shows its parts: trainable
subsampling, a convolution that reads only some of the maps, an output layer that compares with
drawn digits. It trains for some seconds on scikit-learn's 8x8 digits.
"""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from striate import Window, nn
from striate import functional as F
from striate.zoo.lenet import C3_TABLE, digit_prototypes

# The paper's section II.B: trainable parameters and connections of each layer.
PAPER = {
    "c1": (156, 122_304),
    "s2": (12, 5_880),
    "c3": (1_516, 151_600),
    "s4": (32, 2_000),
    "c5": (48_120, 48_120),
    "f6": (10_164, 10_164),
}
EPOCHS, BATCH_SIZE, LR = 15, 32, 0.002


def build() -> nn.Sequential:
    """Stack the layers under the paper's names, a squashing tanh after each but the last."""
    layers = {
        "c1": nn.Conv2d(1, 6, kernel_size=5),
        "s2": nn.Subsample2d(6, kernel_size=2),
        "c3": nn.TableConv2d(6, 16, kernel_size=5, table=C3_TABLE),
        "s4": nn.Subsample2d(16, kernel_size=2),
        "c5": nn.Conv2d(16, 120, kernel_size=5),
        "f6": nn.Linear(120, 84),
    }
    net = nn.Sequential()
    for name, layer in layers.items():
        if name == "f6":
            net.add_module("flatten", nn.Flatten())
        net.add_module(name, layer)
        net.add_module(f"squash_{name}", nn.ScaledTanh())
    net.add_module("output", nn.RBF(84, 10, digit_prototypes()))
    return net


def compare_with_paper(net: nn.Sequential) -> None:
    """Print sizes, parameters and connections, and stop if one is not the paper's."""
    side = 32
    print("layer  maps      parameters  connections")
    for name, expected in PAPER.items():
        layer: Any = net.get_submodule(name)
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        if name == "f6":
            shape, connections = f"{layer.out_features}", parameters
        else:
            size = layer.kernel_size[0]
            side = Window(size, stride=size if name in ("s2", "s4") else 1).output_size(side)
            maps = len(layer.bias)
            shape = f"{maps}x{side}x{side}"
            # A map's units share its numbers: a subsampling's one coefficient serves four inputs.
            per_unit = maps * (size**2 + 1) if name in ("s2", "s4") else parameters
            connections = per_unit * side**2
        assert (parameters, connections) == expected, (name, parameters, connections)
        print(f"{name:5}  {shape:8}  {parameters:10,}  {connections:11,}")


def load_data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give training images and labels, then every fifth digit as test; 8x8 enlarged to 32x32."""
    digits = load_digits()
    small = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    # The paper's scale: paper is -0.1 and ink 1.175, so that mean and variance are about 0 and 1.
    images = F.interpolate(small, size=(32, 32), mode="bilinear") * 1.275 - 0.1
    labels = torch.tensor(digits.target)
    is_test = torch.arange(len(labels)) % 5 == 0
    return images[~is_test], labels[~is_test], images[is_test], labels[is_test]


def main() -> None:
    """Build, compare, train, test."""
    torch.manual_seed(0)
    net = build()
    compare_with_paper(net)
    images, labels, test_images, test_labels = load_data()
    steps_per_epoch = -(-len(images) // BATCH_SIZE)
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, EPOCHS * steps_per_epoch)
    for epoch in range(1, EPOCHS + 1):
        for batch in torch.randperm(len(images)).split(BATCH_SIZE):
            optimizer.zero_grad()
            # The outputs are minus squared distances: their softmax is a mixture of Gaussians.
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            right = (net(test_images).argmax(1) == test_labels).float().mean()
        print(f"epoch {epoch:2}: loss {loss:.3f}, test accuracy {right:.2%}")


if __name__ == "__main__":
    main()
