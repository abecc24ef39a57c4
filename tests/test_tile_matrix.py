"""Tile-compressed images: codec x type x shape of tiles x special values x writer, by every reader of them.

Expected are the pixels that were written where nothing is lost, otherwise CFITSIO's (tests/tile_samples.py). Where
readers differ:

- CFITSIO reads images of 6 axes into the wrong places, and past its buffers; astropy is right.
- CFITSIO reads neither 64-bit integers nor NOCOMPRESS; astropy does.
- uint16 by PLIO_1: CFITSIO stores 0 to 65535 in the stream and reads it so. astropy adds BZERO once more. As CFITSIO.
- Infinities, numbers below the normal range and -0.0 of lossless tiles: CFITSIO, asked for NaN, makes them NaN and 0.
  astropy is right.
- Undefined pixels of quantised tiles: CFITSIO, not asked for NaN, gives numbers. NaN is right.
- After an HDU with ZQUANTIZ = 'NONE' CFITSIO 4.2 takes the integers of quantised GZIP tiles for floats.
- funpack 4.2 puts pixels of float images with NaN in wrong places where tiles are no rows; the library is right.
"""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tile_samples as samples
import torch
from astropy.io import fits
from conftest import devices
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_samples import as_tensor
from tile_samples import Image, Sample

import torchfits  # noqa: F401

ops = torch.ops.fits
DTYPES = ["float32", "float64", "float16", "int32", "int16", "uint8", "int64", "uint16"]

every_sample = pytest.mark.parametrize(
    "sample",
    [pytest.param(lambda m=m: samples.matrix_sample(*m), id="-".join(m).replace(" ", "_")) for m in samples.MATRIX]
    + [pytest.param(lambda o=o: samples.fpack_sample(o), id=f"fpack{o}".replace(" ", "_")) for o in samples.FPACK],
)
Made = Callable[[], Sample]


@pytest.fixture
def write(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes], str]]:
    """Puts bytes into a file with a name of its own; gone after the test."""
    paths = []

    def call(file: bytes) -> str:
        paths.append(tmp_path_factory.mktemp("tiles") / "image.fits.fz")
        paths[-1].write_bytes(file)
        return str(paths[-1])

    yield call
    for path in paths:
        path.unlink()


def difference(found: torch.Tensor, expected: np.ndarray) -> str:
    values = found.numpy()
    if (values.dtype, values.shape) != (expected.dtype, expected.shape):
        return f"{values.dtype} {values.shape}, not {expected.dtype} {expected.shape}"
    if samples.same_bits(values, expected):
        return ""
    same = (values == expected) | ((values != values) & (expected != expected))
    if same.all():
        return "zeros of the wrong sign"
    at = tuple(map(int, np.argwhere(~same)[0]))
    return f"{np.count_nonzero(~same)} of {same.size} pixels, the first {values[at]} at {at}, not {expected[at]}"


class Differences:
    """Collects what is wrong with a sample's images, so that one failure tells all of it."""

    def __init__(self, sample: Sample) -> None:
        self.sample, self.found = sample, list[str]()

    def see(self, image: Image, how: str, read: Callable[[], torch.Tensor], expected: np.ndarray) -> None:
        try:
            wrong = difference(read(), expected)
        except (RuntimeError, ValueError, IndexError, AttributeError) as error:
            wrong = str(error)
        if wrong:
            self.found.append(f"HDU {image.hdu} ({image.name}), {how}: {wrong}")

    def none(self) -> None:
        assert not self.found, f"{self.sample.name}, {len(self.found)} wrong:\n" + "\n".join(self.found[:30])


def windows(image: Image, count: int) -> Iterator[tuple[list[int], list[int], tuple[slice, ...]]]:
    """Random starts and sizes, and the slice of each."""
    random = samples.seeded(image.name, image.shape)
    for _ in range(count):
        start = [int(random.integers(0, n)) for n in image.shape]
        size = [int(random.integers(1, n - first + 1)) for n, first in zip(image.shape, start)]
        yield start, size, tuple(slice(a, a + n) for a, n in zip(start, size))


def check_image(differences: Differences, image: Image, source: Any) -> None:
    """The default, the stored values, one dtype by turns, and windows."""
    dtype = DTYPES[(image.hdu + len(differences.sample.name)) % len(DTYPES)]
    wanted = getattr(torch, dtype)
    see, hdu = differences.see, image.hdu
    see(image, "read_image", lambda: ops.read_image(source, hdu), image.expected())
    see(image, "stored", lambda: ops.read_image(source, hdu, scaled=False), image.expected(scaled=False))
    see(image, dtype, lambda: ops.read_image(source, hdu, dtype=wanted), image.expected(dtype))
    whole = image.expected()
    for start, size, slices in windows(image, 2):
        how = f"section {start} {size}"
        see(image, how, lambda a=start, n=size: ops.read_section(source, hdu, a, n), whole[slices])


@every_sample
def test_path(sample: Made, write: Callable[[bytes], str]) -> None:
    differences, path = Differences(made := sample()), write(made.file)
    assert made.images
    for image in made.images:
        check_image(differences, image, path)
    differences.none()


@every_sample
def test_bytes(sample: Made) -> None:
    differences, data = Differences(made := sample()), as_tensor(made.file)
    for image in made.images:
        check_image(differences, image, data)
    differences.none()


@every_sample
def test_gzipped(sample: Made, write: Callable[[bytes], str]) -> None:
    differences, zipped = Differences(made := sample()), gzip.compress(made.file, 1)
    path, data = write(zipped), as_tensor(zipped)
    for image in made.images[:: max(1, len(made.images) // 3)]:
        for source, form in ((path, "path"), (data, "bytes")):
            read = lambda s=source, k=image.hdu: ops.read_image(s, k)  # noqa: E731
            differences.see(image, f"gzipped {form}", read, image.expected())
    differences.none()


@every_sample
def test_batches(sample: Made, write: Callable[[bytes], str]) -> None:
    """All images of one shape in one call, from a path and from packed bytes, padded and ragged."""
    differences, path = Differences(made := sample()), write(made.file)
    shape = made.images[0].shape
    images = [image for image in made.images if image.shape == shape]
    hdus = [image.hdu for image in images]
    bigger = [n + 1 for n in shape]
    data, offsets = as_tensor(made.file), torch.tensor([0, len(made.file)])
    for source in (([path],), (data, offsets)):
        form = "paths" if len(source) == 1 else "packed"
        try:
            planes, _, status = ops.read_images(*source, hdus, bigger, dtype=torch.float64)
            values, starts, _, ragged_status = ops.read_images_ragged(*source, hdus, len(shape), dtype=torch.float64)
        except RuntimeError as error:
            differences.found.append(f"{form}: {error}")
            continue
        assert not status.any()
        assert not ragged_status.any()
        for number, image in enumerate(images):
            expected = image.expected("float64")
            plane, ragged = planes[0, number], values[starts[number] : starts[number + 1]]
            inside = tuple(slice(0, n) for n in shape)
            differences.see(image, f"read_images of {form}", lambda p=plane, i=inside: p[i], expected)
            differences.see(image, f"ragged of {form}", lambda r=ragged: r.reshape(shape), expected)
    differences.none()


# --- The one pass, from its parts ---------------------------------------------------------------------------------


def tile_arguments(header: fits.Header) -> tuple[list[int], list[int], int, str, int, list[int]]:
    """tile_shape, shape, bitpix, method, zdither0 and params of decode_tiles, from the stored header."""
    axes = range(header["ZNAXIS"], 0, -1)
    shape = [header[f"ZNAXIS{n}"] for n in axes]
    tile = [header.get(f"ZTILE{n}", header["ZNAXIS1"] if n == 1 else 1) for n in axes]
    names = {header[f"ZNAME{n}"]: header[f"ZVAL{n}"] for n in range(1, 9) if f"ZNAME{n}" in header}
    params = [int(names.get(name, 0)) for name in ("BLOCKSIZE", "BYTEPIX", "SCALE", "SMOOTH")]
    quantised = (
        header["ZBITPIX"] < 0
        and header["ZCMPTYPE"] != "NOCOMPRESS"
        and any(header[f"TTYPE{n}"] == "ZSCALE" for n in range(1, header["TFIELDS"] + 1))
    )
    method = header.get("ZQUANTIZ", "NO_DITHER") if quantised else "NONE"
    return tile, shape, header["ZBITPIX"], method, header.get("ZDITHER0", 0), params


def tiles_of(shape: list[int], tile: list[int], start: list[int], size: list[int]) -> list[int]:
    """Numbers of the tiles that meet a window."""
    counts = [-(-n // t) for n, t in zip(shape, tile)]
    ranges = [range(a // t, (a + n - 1) // t + 1) for a, n, t in zip(start, size, tile)]
    places = np.meshgrid(*ranges, indexing="ij")
    return np.sort(np.ravel_multi_index([p.ravel() for p in places], counts)).tolist()


def decoded(source: Any, image: Image, header: fits.Header, start: list[int], size: list[int], device: str) -> Any:
    tile, shape, bitpix, *how = tile_arguments(header)
    numbers = torch.tensor(tiles_of(shape, tile, start, size))
    parts = ops.read_tiles(source, image.hdu, numbers)
    assert parts[1][:, 3].tolist() == numbers.tolist()
    dtype = torch.from_numpy(image.expected()[:0]).dtype
    scaling = {"bscale": image.bscale, "bzero": image.bzero, "blank": image.blank, "dtype": dtype}
    parts = [part.to(device) for part in parts]
    return ops.decode_tiles(*parts, tile, shape, bitpix, *how, start=start, size=size, **scaling).cpu()


@every_sample
@pytest.mark.parametrize("device", devices())
def test_tiles_read_and_decoded(sample: Made, device: str, write: Callable[[bytes], str]) -> None:
    """read_tiles and decode_tiles of the whole image and of a window are what read_image gives."""
    differences, path = Differences(made := sample()), write(made.file)
    data = as_tensor(made.file)
    with fits.open(io.BytesIO(made.file), disable_image_compression=True) as hdus:
        headers = [hdu.header for hdu in hdus]
    for image in made.images[::3]:
        whole = image.expected()
        boxes = [([0] * whole.ndim, list(whole.shape), tuple(slice(None) for _ in whole.shape)), *windows(image, 1)]
        for (start, size, slices), source in zip(boxes, (path, data)):
            read = lambda s=source, a=start, n=size, i=image: decoded(s, i, headers[i.hdu], a, n, device)  # noqa: E731
            differences.see(image, f"decode_tiles {start} {size}", read, whole[slices])
    differences.none()


# --- The oracles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer, codec, layout", samples.MATRIX)
def test_astropy_and_cfitsio_agree(writer: str, codec: str, layout: str) -> None:
    """What is expected of lossy images is not one reader's word alone, nor of lossless ones the writer's."""
    made = samples.matrix_sample(writer, codec, layout)
    differences = Differences(made)
    with fits.open(io.BytesIO(made.file), do_not_scale_image_data=True) as hdus:
        for image in made.images:
            if not image.lossless:
                read = lambda k=image.hdu: torch.from_numpy(samples.astropy_stored(hdus, k))  # noqa: E731
                differences.see(image, "astropy", read, image.stored)
            elif writer == "fitsio" and image.hdu % 3 == 0:
                read = lambda k=image.hdu: torch.from_numpy(samples.cfitsio_stored(hdus, made.file, k))  # noqa: E731
                differences.see(image, "CFITSIO", read, image.stored)
    differences.none()


# --- Round trips --------------------------------------------------------------------------------------------------


@st.composite
def wanted_images(draw: st.DrawFn) -> tuple[str, tuple[int, ...], tuple[int, ...], np.ndarray]:
    codec = draw(st.sampled_from(["RICE_1", "GZIP_1", "GZIP_2", "NOCOMPRESS", "HCOMPRESS_1"]))
    if codec == "HCOMPRESS_1":
        tile = tuple(draw(st.lists(st.integers(4, 9), min_size=2, max_size=2)))
        shape = tuple(t * draw(st.integers(1, 3)) for t in tile)
    else:
        shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=6)))
        tile = tuple(draw(st.integers(1, n)) for n in shape)
    kinds = samples.INTEGERS + (["f4", "f8", "i8"] if codec in samples.LOSSLESS else [])
    kind = draw(st.sampled_from(kinds))
    count = int(np.prod(shape))
    width = np.dtype(kind).itemsize
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    # Bits of every width, so that blocks of all sorts come: none, small, incompressible.
    bits = random.integers(0, 256, count * width, dtype="u1").view(f"u{width}")
    pixels = (bits >> random.integers(0, 8 * width, count).astype(bits.dtype)).view(kind)
    pixels[random.random(count) < draw(st.sampled_from([0, 0.5, 0.95]))] = pixels[0]
    if kind[0] != "f":
        pixels = np.where(random.random(count) < 0.5, pixels, np.array(-1).astype(kind) - pixels)
    elif not np.isfinite(pixels[0]):
        pixels[0] = 0
    return codec, shape, tile, pixels.reshape(shape)


@given(wanted=wanted_images())
@settings(derandomize=True)
def test_round_trip(
    wanted: tuple[str, tuple[int, ...], tuple[int, ...], np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    codec, shape, tile, pixels = wanted
    want = samples.Wanted("", pixels, {"quantize_level": 0}, lossless=True)
    file = samples.astropy_file([want], codec, tile)
    path = tmp_path_factory.getbasetemp() / "round_trip.fits"
    path.unlink(missing_ok=True)
    path.write_bytes(file)
    for source in (str(path), as_tensor(file)):
        assert difference(ops.read_image(source, 1), pixels) == ""
        start = [n // 3 for n in shape]
        size = [n - a for n, a in zip(shape, start)]
        window = pixels[tuple(slice(a, None) for a in start)]
        assert difference(ops.read_section(source, 1, start, size), window) == ""


# --- At length ----------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("writer, codec, layout", samples.MATRIX)
def test_all_kinds_and_pixels(writer: str, codec: str, layout: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = samples.matrix_sample(writer, codec, layout, every=True)
    differences, path = Differences(made), tmp_path / "image.fits"
    path.write_bytes(made.file)
    for image in made.images:
        for source in (str(path), as_tensor(made.file)):
            check_image(differences, image, source)
    differences.none()
