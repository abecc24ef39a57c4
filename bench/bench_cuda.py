"""On a GPU: tiles decoded where they lie, unpack and scale against a copy, a compressed file to pixels on the device,
rows of tables to columns there, world coordinates of 16M points that lie there.

Bytes are those of the result, so bytes_per_second is what comes out. Without a GPU there is nothing to measure, and it
says so.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import harness, samples
from bench.bench_tables import MIXED, _mixed, _write
from bench.harness import Case, Competitor
from bench.report import Row

SIDE = 4096
BATCH = 16  # images of SIDE x SIDE: 65536 tiles of a row, enough to fill a large GPU


@dataclass
class OnDevice(Competitor):
    """A competitor whose work is done when the device has done it; its result is compared on the host."""

    def timed(self) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        result = self.call()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        del result
        return seconds

    def result(self) -> Any:
        result = self.call()
        return result.cpu() if isinstance(result, torch.Tensor) else [tensor.cpu() for tensor in result]


def ours(call: Callable[[], Any]) -> Competitor:
    return OnDevice(harness.OURS, call, "ours")


def rows(plan: harness.Plan) -> Iterator[Row]:
    if not torch.cuda.is_available():
        plan.progress("cuda: there is no GPU here; nothing is measured")
        return
    plan.progress(f"cuda: {torch.cuda.get_device_name()}")
    yield from harness.run("cuda", cases, plan)


def cases(folder: Path) -> Iterator[Case]:
    for count in (1, BATCH):
        yield resident(folder, "int16", count)
        yield resident(folder, "float32", count)
    yield unpacked()
    yield scaled()
    yield from_file(folder)
    yield from tables(folder)
    for code in ("TAN", "TAN-SIP", "AIT"):
        yield from transformed(code)


def compressed(path: Path, stored: np.ndarray) -> dict[str, Any]:
    """Writes one image in rows of RICE_1, floats with SUBTRACTIVE_DITHER_1; returns what decode_tiles is to know."""
    from astropy.io import fits

    from torchfits import tile_arguments

    options = {"quantize_method": 1, "dither_seed": 1, "quantize_level": 4} if stored.dtype.kind == "f" else {}
    hdu = fits.CompImageHDU(stored, compression_type="RICE_1", tile_shape=(1, stored.shape[1]), **options)
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    path.write_bytes(file.getvalue())
    known = tile_arguments(str(path), 1)
    return {**known, "start": [0, 0], "size": known["shape"]}


def resident(folder: Path, dtype: str, count: int) -> Case:
    """`count` images one below the other as one image: its tiles are on the device already."""
    path = folder / "image.fits"
    known = compressed(path, samples.sky((SIDE, SIDE), dtype))
    name = str(path)
    data, descriptors, quantisation = torch.ops.fits.read_tiles(name, 1)
    tiles = SIDE * count
    numbers = torch.arange(tiles)
    rows_of = descriptors.repeat(count, 1)
    rows_of[:, 3] = numbers
    shape = [tiles, SIDE]
    known = {**known, "shape": shape, "size": shape}
    host = (data, rows_of, quantisation.repeat(count, 1))
    there = tuple(tensor.cuda() for tensor in host)
    expected = torch.ops.fits.decode_tiles(*host, **known)
    # What a GPU can do at best: writing the result.
    target = torch.empty(shape, dtype=expected.dtype, device="cuda")
    return Case(
        name=f"RICE_1 {dtype}{' dithered' if dtype == 'float32' else ''} {count} x {SIDE}x{SIDE}, tiles on the device",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.decode_tiles(*there, **known)),
            OnDevice("host decode, copy", lambda: torch.ops.fits.decode_tiles(*host, **known).cuda()),
            OnDevice("fill", lambda: target.zero_(), "limit"),
        ],
    )


def copied(size: int) -> Competitor:
    source = torch.ones(size, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return OnDevice("copy", lambda: target.copy_(source), "limit")


def unpacked() -> Case:
    stored = samples.sky((BATCH * SIDE, SIDE), "int16")
    data = torch.from_numpy(stored.astype(">i2").view(np.uint8).reshape(-1))
    there = data.cuda()
    return Case(
        name=f"unpack int16 {BATCH} x {SIDE}x{SIDE}",
        bytes=stored.nbytes,
        expected=torch.from_numpy(stored),
        competitors=[
            ours(lambda: torch.ops.fits.unpack(there, 16, list(stored.shape))),
            OnDevice("torch", lambda: there.view(-1, 2).flip(1).contiguous().view(torch.int16).view(stored.shape)),
            copied(stored.nbytes),
        ],
    )


def scaled() -> Case:
    stored = samples.sky((BATCH * SIDE, SIDE), "int16")
    stored.reshape(-1)[::97] = -32768
    expected = torch.ops.fits.scale(torch.from_numpy(stored), 0.25, 100.0, -32768)
    there = torch.from_numpy(stored).cuda()

    def with_torch() -> torch.Tensor:
        return torch.where(there == -32768, torch.nan, there.double() * 0.25 + 100.0).float()

    return Case(
        name=f"scale int16 to float32 {BATCH} x {SIDE}x{SIDE}",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.scale(there, 0.25, 100.0, -32768)),
            OnDevice("torch", with_torch),
            copied(expected.nbytes),
        ],
    )


def from_file(folder: Path) -> Case:
    """A compressed file in the page cache to float32 on the device: compressed bytes travel, or pixels do."""
    path = folder / "image.fits"
    known = compressed(path, samples.sky((SIDE, SIDE), "float32"))
    name = str(path)

    def with_tiles() -> torch.Tensor:
        tiles = [tensor.pin_memory().cuda(non_blocking=True) for tensor in torch.ops.fits.read_tiles(name, 1)]
        return torch.ops.fits.decode_tiles(*tiles, **known)

    expected = torch.ops.fits.read_image(name, 1)
    pinned = torch.empty(expected.shape, dtype=expected.dtype, pin_memory=True)
    return Case(
        name=f"RICE_1 float32 dithered {SIDE}x{SIDE}, file to device",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(with_tiles),
            OnDevice("host decode, copy", lambda: torch.ops.fits.read_image(name, 1).cuda()),
            OnDevice("pixels from pinned memory", lambda: pinned.cuda(non_blocking=True), "limit"),
        ],
        files=[path],
    )


def tables(folder: Path, count: int = 1_000_000) -> Iterator[Case]:
    """Ten mixed columns: their rows travel as bytes and become columns on the device, or columns travel."""
    file, columns = _mixed(count)
    name = str(_write(folder / "table.fits", file))
    names, tforms = [name for name, _, _ in MIXED], [tform for _, tform, _ in MIXED]
    wanted = list(range(len(tforms)))
    expected = [columns[name] for name in names]
    size = sum(column.nbytes for column in expected)
    pinned = torch.ops.fits.read_row_bytes(name, 1).pin_memory()
    there = pinned.cuda()

    def decoded(rows: torch.Tensor) -> list[torch.Tensor]:
        return torch.ops.fits.decode_columns(rows, tforms, wanted, tscal=[], tzero=[])

    def read_columns() -> list[torch.Tensor]:
        return torch.ops.fits.read_columns(name, 1, names)

    def with_torch() -> list[torch.Tensor]:
        """Slices, flipped where their bytes are in the other order."""
        made, start = [], 0
        for column in expected:
            width, each = column.nbytes // count, column.element_size()
            cells = there[:, start : start + width].reshape(-1, each).flip(1)
            made.append(cells.view(column.dtype).reshape(column.shape))
            start += width
        return made

    yield Case(
        name=f"table of {count} x 10, file to device",
        bytes=size,
        expected=expected,
        competitors=[
            ours(lambda: decoded(torch.ops.fits.read_row_bytes(name, 1).cuda())),
            OnDevice(
                "through pinned memory", lambda: decoded(torch.ops.fits.read_row_bytes(name, 1).pin_memory().cuda())
            ),
            OnDevice("host decode, copy", lambda: [column.cuda() for column in read_columns()]),
            OnDevice("bytes from pinned memory", lambda: pinned.cuda(non_blocking=True), "limit"),
        ],
        files=[Path(name)],
    )
    yield Case(
        name=f"table of {count} x 10, rows on the device",
        bytes=size,
        expected=expected,
        competitors=[ours(lambda: decoded(there)), OnDevice("torch", with_torch), copied(size)],
    )
    one, width = tforms.index("J"), expected[names.index("COUNT")].nbytes
    yield Case(
        name=f"table of {count} x 10, rows on the device, one column",
        bytes=width,
        expected=expected[one : one + 1],
        competitors=[
            ours(lambda: torch.ops.fits.decode_columns(there, tforms, [one], tscal=[], tzero=[])),
            copied(width),
        ],
    )


def _on_host(transform: Callable[..., torch.Tensor], points: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
    return transform(points, wcs).cuda()


def transformed(code: str) -> Iterator[Case]:
    """Points of one WCS, both ways, and to the pixels of a cutout; the limit is writing the result."""
    cards = f"""
CTYPE1  = 'RA---{code}'
CTYPE2  = 'DEC--{code}'
CRVAL1  = 150.1
CRVAL2  = 2.2
CRPIX1  = 2048
CRPIX2  = 2048
CDELT1  = -5E-5
CDELT2  = 5E-5
A_ORDER = 3
B_ORDER = 3
A_2_0   = 2E-7
A_0_3   = 1E-11
B_1_1   = -3E-7"""
    wcs = torch.ops.fits.wcs_from_header("\n".join(cards.split("\n")[1 : None if code.endswith("SIP") else -5]))
    pixel = torch.rand(SIDE * SIDE, 2, dtype=torch.float64) * SIDE
    world = torch.ops.fits.pixel_to_world(pixel, wcs)
    cutout = torch.ops.fits.wcs_crop(wcs, torch.tensor([100, 200]))
    target = torch.empty_like(pixel, device="cuda")
    there, cutout_there = wcs.cuda(), cutout.cuda()

    def to_cutout(points: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
        return torch.ops.fits.pixel_to_pixel(points, wcs, cutout_there if points.is_cuda else cutout)

    for name, transform, points in (
        ("pixel_to_world", torch.ops.fits.pixel_to_world, pixel),
        ("world_to_pixel", torch.ops.fits.world_to_pixel, world),
        ("pixel_to_pixel", to_cutout, pixel),
    ):
        on_device = points.cuda()
        yield Case(
            name=f"{name} {code}, {SIDE * SIDE} points on the device",
            bytes=pixel.nbytes,
            expected=transform(points, wcs),
            competitors=[
                ours(partial(transform, on_device, there)),
                OnDevice("host, copy", partial(_on_host, transform, points, wcs)),
                OnDevice("fill", lambda: target.zero_(), "limit"),
            ],
        )
