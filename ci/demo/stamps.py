"""From a sky image to messages: stars and empty places found, stamps cut, each packed as a gzipped FITS file."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from astropy.io import fits
from torch import Tensor

SIZE = 63  # pixels on a side, as ZTF's stamps
HALF = SIZE // 2
MOST = 1000  # of each kind
FEWEST = 40  # of each kind and half of the image: below that an accuracy means nothing


@dataclass
class Places:
    """Where stamps are centred (row and column), which of them are stars, and which half of the image they are in.

    Training stamps and held-out stamps have no pixel in common: centres whose stamps reach over the middle of the image
    are in neither half.
    """

    centres: Tensor
    star: Tensor
    training: Tensor
    held_out: Tensor
    edges: tuple[float, float]  # the columns (or rows) where training ends and held-out begins
    axis: int


def find_places(image: Tensor, generator: torch.Generator) -> Places:
    """Stars are peaks that stand out of their surroundings; empty places have nothing that does within 4 pixels."""
    contrast = _smooth(image, 1.2) - _smooth(image, 4.0)
    noise = 1.4826 * (contrast - contrast.median()).abs().median()
    stars = (contrast == _highest(contrast, 7)) & (contrast > 5 * noise)
    empty = (_highest(contrast, 9) < 2 * noise) & image.isfinite()
    # Of random numbers on the empty pixels, those that are the highest around: no two closer than 3 pixels.
    drawn = torch.rand(image.shape, generator=generator) * empty
    empty = (drawn == _highest(drawn, 7)) & (drawn > 0)
    chosen = [_some(mask.nonzero(), MOST, generator) for mask in (stars & image.isfinite(), empty)]
    count = min(map(len, chosen))
    mixed = torch.randperm(2 * count, generator=generator)
    centres = torch.cat([places[:count] for places in chosen])[mixed]
    star = mixed < count
    axis = int(image.shape[1] >= image.shape[0])
    middle = image.shape[axis] / 2
    training = centres[:, axis] < middle - HALF - 1
    held_out = centres[:, axis] > middle + HALF
    for half in (training, held_out):
        if min(int((star & half).sum()), int((~star & half).sum())) < FEWEST:
            raise SystemExit(
                f"This image has {int(stars.sum())} peaks, too few of them on one side of its middle: the demo needs "
                f"{FEWEST} stars and {FEWEST} empty places on either side, in an image of some 250 pixels or more. "
                "Another HDU of the file is chosen by brackets, as in my.fits[SCI]."
            )
    return Places(centres, star, training, held_out, (middle - HALF, middle + HALF), axis)


def _smooth(image: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing over the pixels that are finite."""
    radius = int(4 * sigma) + 1
    x = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)

    def blur(plane: Tensor) -> Tensor:
        plane = F.conv2d(plane[None, None], kernel.view(1, 1, 1, -1), padding=(0, radius))
        return F.conv2d(plane, kernel.view(1, 1, -1, 1), padding=(radius, 0))[0, 0]

    known = image.isfinite()
    level = image[known].median()
    return level + blur(torch.where(known, image - level, 0.0)) / blur(known.float()).clamp(min=1e-6)


def _highest(image: Tensor, width: int) -> Tensor:
    return F.max_pool2d(image[None, None], width, stride=1, padding=width // 2)[0, 0]


def _some(places: Tensor, most: int, generator: torch.Generator) -> Tensor:
    return places[torch.randperm(len(places), generator=generator)[:most]]


def cut(image: Tensor, centres: Tensor) -> Tensor:
    """Stamps ``[B, SIZE, SIZE]``; what lies outside the image is NaN, as in ZTF's stamps at a detector's edge."""
    padded = F.pad(image, (HALF, HALF, HALF, HALF), value=torch.nan)
    return torch.stack([padded[y : y + SIZE, x : x + SIZE] for y, x in centres.tolist()])


def message(stamp: Tensor) -> bytes:
    """One stamp as it travels in an alert: a whole gzipped FITS file. Written by astropy, without torchfits."""
    file = io.BytesIO()
    fits.PrimaryHDU(stamp.numpy()).writeto(file)
    return gzip.compress(file.getvalue(), mtime=0)


def pack(messages: list[bytes]) -> tuple[Tensor, Tensor]:
    """Messages end to end, uint8, and where each begins; the last offset is the end."""
    offsets = np.cumsum([0, *map(len, messages)])
    return torch.frombuffer(bytearray(b"".join(messages)), dtype=torch.uint8), torch.from_numpy(offsets)
