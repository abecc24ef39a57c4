"""-TAB axes both ways: one axis of 1024 coordinates, with and without an index vector, and a celestial table."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.wcs
import numpy as np
import torch
from astropy.io import fits

from bench.harness import Case, Competitor

COUNT = 10_000  # points: what astropy adds to wcslib's own time is then below 1 %


def file_of(coordinates: np.ndarray, index: np.ndarray | None) -> bytes:
    """``coordinates`` in torch order, [K_M, ..., K_1, M]."""
    axes = coordinates.shape[-1]
    header = fits.Header()
    header["WCSAXES"] = axes
    for i in range(1, axes + 1):
        header[f"CTYPE{i}"] = f"AX{i}--TAB"
        header[f"CRPIX{i}"], header[f"CRVAL{i}"], header[f"CDELT{i}"] = 1.0, 1.0, 1.0
        header[f"PS{i}_0"], header[f"PS{i}_1"], header[f"PV{i}_3"] = "TABLE", "COORDINATES", i
    dim = "(" + ",".join(map(str, coordinates.shape[::-1])) + ")"
    columns = [fits.Column("COORDINATES", f"{coordinates.size}D", dim=dim, array=coordinates[None])]
    if index is not None:
        header["PS1_2"] = "INDEX"
        columns.append(fits.Column("INDEX", f"{len(index)}D", array=index[None]))
    image = fits.PrimaryHDU(np.zeros((1,) * axes, "u1"), header)
    stream = io.BytesIO()
    fits.HDUList([image, fits.BinTableHDU.from_columns(columns, name="TABLE")]).writeto(stream)
    return stream.getvalue()


def tables() -> Iterator[tuple[str, int, bytes, tuple[float, float]]]:
    """Name, points, file, the first and last index value of each axis (beyond them wcslib's inverse is wrong)."""
    random = np.random.default_rng(1)
    coordinates = np.cumsum(random.uniform(0.5, 1.5, 1024))[:, None]
    index = np.cumsum(random.uniform(0.5, 1.5, 1024))
    yield "1024", COUNT, file_of(coordinates, None), (1.0, 1024.0)
    yield "1024 with an index vector", COUNT, file_of(coordinates, index), (index[0], index[-1])
    y, x = np.indices((64, 64), float)
    sky = np.stack([150 + 0.02 * x - 0.011 * y, 2 + 0.009 * x + 0.021 * y], -1) + random.uniform(
        -1e-3, 1e-3, (64, 64, 2)
    )
    yield "64 x 64", COUNT // 10, file_of(sky, None), (1.0, 64.0)


def cases(folder: Path) -> Iterator[Case]:
    for name, count, file, ends in tables():
        with warnings.catch_warnings(), fits.open(io.BytesIO(file)) as hdus:
            warnings.simplefilter("ignore")
            astropys = astropy.wcs.WCS(hdus[0].header, hdus)
        wcs = torch.ops.fits.wcs_from_file(torch.from_numpy(np.frombuffer(file, "u1").copy()), 0)
        pixel = np.random.default_rng(2).uniform(*ends, (count, int(wcs[2]))) - 1
        world = astropys.wcs_pix2world(pixel, 0)
        yield _case(f"pixel to world, table of {name}", wcs, pixel, world, astropys)
        yield _case(f"world to pixel, table of {name}", wcs, world, pixel, astropys)


@dataclass
class Close(Competitor):
    """Its result is where it agrees with the truth: wcslib's search of several axes ends 1e-8 pixel from it."""

    truth: Any = None

    def result(self) -> torch.Tensor:
        return torch.from_numpy(np.abs(np.asarray(self.call()) - self.truth) < 1e-6)


def _case(name: str, wcs: torch.Tensor, given: np.ndarray, truth: np.ndarray, astropys: astropy.wcs.WCS) -> Case:
    forward = name.startswith("pixel")
    transform = torch.ops.fits.pixel_to_world if forward else torch.ops.fits.world_to_pixel
    rival = astropys.wcs_pix2world if forward else astropys.wcs_world2pix
    points = torch.from_numpy(given)
    return Case(
        f"{name}, {len(given)} points",
        given.nbytes,
        torch.ones(given.shape, dtype=torch.bool),
        [
            Close("torchfits", lambda: transform(points, wcs), "ours", truth),
            Close("astropy", lambda: rival(given, 0), "rival", truth),
        ],
        must=None if forward else 20,
        aim=None if forward else 80,
    )
