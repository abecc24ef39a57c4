"""One module from message to score, its training, and its export."""

from __future__ import annotations

import logging
import time
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from stamps import SIZE, Places
from torch import Tensor, nn

import torchfits


class Network(nn.Module):
    """A small convolutional net: is there a star in the middle of this stamp?"""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 8 * 8, 1),
        )

    def forward(self, stamps: Tensor) -> Tensor:
        return self.layers(stamps).squeeze(1)


class Scorer(nn.Module):
    """What is exported: gzipped FITS files in, one probability per file out; NaN for a file that cannot be read."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.decode = torchfits.nn.DecodeImages(hdus=[0], shape=[SIZE, SIZE], strict=False)
        self.normalize = torchfits.nn.Normalize("asinh")
        self.network = network

    def forward(self, data: Tensor, offsets: Tensor) -> Tensor:
        images, _, status = self.decode(data, offsets)
        scores = self.network(self.normalize(images)).sigmoid()
        return torch.where(status[:, 0] == 0, scores, torch.nan)


def train(network: Network, stamps: Tensor, places: Places, seconds: float = 20.0, epochs: int = 80) -> int:
    """On the training half, turned and mirrored at random; stops after `seconds` at the latest. Returns the epochs."""
    images = torchfits.nn.Normalize("asinh")(stamps[places.training].unsqueeze(1))
    labels = places.star[places.training].float()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    # One thread: the batches are too small to be worth sharing.
    threads, end = torch.get_num_threads(), time.monotonic() + seconds
    torch.set_num_threads(1)
    done = 0
    while done < epochs and time.monotonic() < end:
        for rows in torch.randperm(len(labels)).split(64):
            batch = torch.rot90(images[rows], int(torch.randint(4, ())), (-2, -1))
            if torch.rand(()) < 0.5:
                batch = batch.flip(-1)
            loss = F.binary_cross_entropy_with_logits(network(batch), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        done += 1
    torch.set_num_threads(threads)
    network.eval()
    return done


def export(scorer: Scorer, data: Tensor, offsets: Tensor, package: Path) -> None:
    """AOTInductor: machine code and weights in one file, for any number of messages (one included) and bytes."""
    from torch.fx.experimental import _config as shapes

    batch = torch.export.Dim("batch", min=1)
    dynamic = {"data": {0: torch.export.Dim("bytes", min=1)}, "offsets": {0: batch + 1}}
    # Without this, an export assumes that a batch whose size is computed (offsets less one) is not 1.
    with shapes.patch(backed_size_oblivious=True), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch of itself
        logging.getLogger("torch._inductor").setLevel(logging.ERROR)
        program = torch.export.export(scorer, (data, offsets), dynamic_shapes=dynamic)
        torch._inductor.aoti_compile_and_package(program, package_path=str(package))
