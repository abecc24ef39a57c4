"""Stored values in a tensor to physical ones and back, and a section of a large image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bench import readers, samples
from bench.bench_images import memcpy
from bench.harness import Case, Competitor, limit, ours

SIDE = 4096
BSCALE, BZERO, BLANK = 0.25, 100.0, -32768


def cases(folder: Path, side: int = SIDE) -> Iterator[Case]:
    stored = samples.sky((side, side), "int16")
    stored.reshape(-1)[::97] = BLANK
    yield _unpack(stored)
    yield _scale(stored)
    yield _unscale(stored)
    yield _section(folder, side)


def _unpack(stored: np.ndarray) -> Case:
    big_endian = stored.astype(">i2")
    data = torch.from_numpy(big_endian.view(np.uint8).reshape(-1))
    shape = list(stored.shape)

    def with_torch() -> torch.Tensor:
        pairs = data.view(-1, 2)
        return torch.stack([pairs[:, 1], pairs[:, 0]], dim=1).view(torch.int16).view(shape)

    return Case(
        name=f"unpack int16 {shape[1]}x{shape[0]}",
        bytes=stored.nbytes,
        expected=torch.from_numpy(stored),
        competitors=[
            ours(lambda: torch.ops.fits.unpack(data, 16, shape)),
            Competitor("numpy", lambda: torch.from_numpy(big_endian.astype("i2"))),
            Competitor("torch", with_torch),
            limit("memcpy", memcpy(stored.nbytes)),
        ],
    )


def _scale(stored: np.ndarray) -> Case:
    raw = torch.from_numpy(stored)
    expected = (stored.astype(np.float64) * BSCALE + BZERO).astype(np.float32)
    expected[stored == BLANK] = np.nan

    def with_numpy() -> torch.Tensor:
        values = stored.astype(np.float64)
        values *= BSCALE
        values += BZERO
        result = values.astype(np.float32)
        result[stored == BLANK] = np.nan
        return torch.from_numpy(result)

    def with_torch() -> torch.Tensor:
        values = (raw.double() * BSCALE + BZERO).float()
        return values.masked_fill_(raw == BLANK, torch.nan)

    return Case(
        name=f"scale int16 to float32 {stored.shape[1]}x{stored.shape[0]}",
        bytes=expected.nbytes,
        expected=torch.from_numpy(expected),
        competitors=[
            ours(lambda: torch.ops.fits.scale(raw, BSCALE, BZERO, BLANK)),
            Competitor("numpy", with_numpy),
            Competitor("torch", with_torch),
            limit("memcpy", memcpy(expected.nbytes)),
        ],
    )


def _unscale(stored: np.ndarray) -> Case:
    value = torch.ops.fits.scale(torch.from_numpy(stored), BSCALE, BZERO, BLANK)
    array = value.numpy()

    def with_numpy() -> torch.Tensor:
        undefined = np.isnan(array)
        values = np.around((array.astype(np.float64) - BZERO) / BSCALE)
        values[undefined] = BLANK
        return torch.from_numpy(values.clip(-32768, 32767).astype(np.int16))

    def with_torch() -> torch.Tensor:
        values = ((value.double() - BZERO) / BSCALE).round_().clamp_(-32768, 32767)
        return values.masked_fill_(value.isnan(), BLANK).short()

    return Case(
        name=f"unscale float32 to int16 {stored.shape[1]}x{stored.shape[0]}",
        bytes=stored.nbytes,
        expected=torch.from_numpy(stored),
        competitors=[
            ours(lambda: torch.ops.fits.unscale(value, BSCALE, BZERO, BLANK, 16)),
            Competitor("numpy", with_numpy),
            Competitor("torch", with_torch),
            limit("memcpy", memcpy(stored.nbytes)),
        ],
    )


def _section(folder: Path, side: int) -> Case:
    stored = samples.sky((side, side), "int16")
    path = folder / "image.fits"
    path.write_bytes(samples.hdu(stored))
    name, first, size = str(path), side // 4, side // 4
    window = slice(first, first + size)

    def with_astropy() -> torch.Tensor:
        from astropy.io import fits

        with fits.open(name) as file:
            return readers.native(file[0].section[window, window])

    def with_fitsio() -> torch.Tensor:
        import fitsio

        with fitsio.FITS(name) as file:
            return readers.native(file[0][window, window])

    return Case(
        name=f"section of {size}x{size} from {side}x{side}",
        bytes=2 * size * size,
        expected=torch.from_numpy(np.ascontiguousarray(stored[window, window])),
        competitors=[
            ours(lambda: torch.ops.fits.read_section(name, 0, [first, first], [size, size])),
            Competitor("astropy", with_astropy),
            Competitor("fitsio", with_fitsio),
            limit("memcpy", memcpy(2 * size * size)),
        ],
        files=[path],
    )
