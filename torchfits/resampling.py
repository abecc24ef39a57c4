"""``torchfits.nn.Resample``: images onto other pixels of the sky, inside a network."""
# Not `from __future__ import annotations`: TorchScript needs the types of attributes, not their spelling.

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Resample(nn.Module):
    """Images onto another WCS: ``forward(image, wcs_in, wcs_out)`` gives ``image`` and ``weight`` of ``shape``.

    The operator ``resample`` with its options fixed. Both WCS are packed, ``[P]`` or ``[B, P]``. A batch of north-up
    stamps of one image, around positions that are an input of the graph::

        stamps = torchfits.nn.Resample([64, 64])
        wcs_out = torch.ops.fits.wcs_tan(centers, [64, 64], 0.2 / 3600, wcs)
        images, weight = stamps(image, wcs, wcs_out)

    Differentiable in ``image``.
    """

    shape: list[int]
    method: str
    fill: float | None

    def __init__(self, shape: Sequence[int], method: str = "bilinear", *, fill: float | None = None) -> None:
        super().__init__()
        self.shape = [int(length) for length in shape]
        self.method = method
        self.fill = None if fill is None else float(fill)

    def forward(self, image: Tensor, wcs_in: Tensor, wcs_out: Tensor) -> tuple[Tensor, Tensor]:
        value, weight = torch.ops.fits.resample(image, wcs_in, wcs_out, self.shape, self.method, fill=self.fill)
        return value, weight

    def extra_repr(self) -> str:
        fill = "" if self.fill is None else f", fill={self.fill}"
        return f"shape={self.shape}, method={self.method!r}{fill}"
