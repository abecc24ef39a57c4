"""read_cutouts, read_cutouts_status: values against slices, of every codec; what is outside, wrong or asked twice."""

from __future__ import annotations

import functools
import gzip
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_samples import CONVENTIONS, Convention, as_tensor, astropy_image, hdu_bytes, packed

ops = torch.ops.fits
SHAPES = [(31,), (13, 17), (4, 9, 11), (2, 3, 5, 7)]
PLAIN = {convention.name: convention for convention in CONVENTIONS}
DTYPES = [None, torch.float64, torch.float16, torch.int16, torch.uint8, torch.int64]
FAR = 2**63 - 1


def windows(shape: tuple[int, ...], count: int, seed: int = 0) -> tuple[torch.Tensor, list[int]]:
    """Corners in and out of bounds, some of them twice, and a size."""
    random = np.random.default_rng([seed, *shape])
    size = [int(random.integers(1, n + 3)) for n in shape]
    low, high = [-n - 2 for n in size], [n + 3 for n in shape]
    corners = random.integers(low, high, (count, len(shape)))
    corners[count // 2] = corners[0]
    return torch.from_numpy(corners), size


def sliced(image: np.ndarray, corner: Any, size: Any, fill: float) -> np.ndarray:
    """A window of an image by NumPy's slices; `fill` where there is no image."""
    out = np.full(tuple(size), fill, image.dtype)
    source, target = [], []
    for start, length, n in zip(map(int, corner), size, image.shape):
        first, last = max(start, 0), min(start + length, n)
        source.append(slice(first, max(last, first)))
        target.append(slice(first - start, max(last, first) - start))
    if all(s.stop > s.start for s in source):
        out[tuple(target)] = image[tuple(source)]
    return out


def expect(image: np.ndarray, corners: torch.Tensor, size: list[int], fill: float) -> np.ndarray:
    return np.stack([sliced(image, corner, size, fill) for corner in corners.tolist()])


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def default_fill(dtype: torch.dtype | None) -> float:
    return np.nan if dtype is None or dtype.is_floating_point else 0


def assert_cutouts(source: Any, hdus: list[int], corners: torch.Tensor, size: list[int], **kwargs: Any) -> None:
    """As slices of what read_image, which is tested by itself, gives for each HDU."""
    dtype, fill = kwargs.get("dtype"), kwargs.get("fill")
    found = ops.read_cutouts(source, hdus, corners, size, **kwargs)
    assert found.dtype == (dtype or torch.float32)
    assert found.shape == (len(corners), len(hdus), *size)
    assert found.is_contiguous()
    for plane, hdu in enumerate(hdus):
        image = array(ops.read_image(source, hdu, dtype=dtype or torch.float32))
        value = default_fill(dtype) if fill is None else fill
        np.testing.assert_array_equal(array(found[:, plane]), expect(image, corners, size, value))


# ---- plain images


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
def test_plain_images_as_astropy(convention: Convention, shape: tuple[int, ...], tmp_path: Path) -> None:
    file = convention.file(shape)
    path = tmp_path / "image.fits"
    path.write_bytes(file)
    corners, size = windows(shape, 12)
    exact = astropy_image(file)
    if exact.dtype.kind == "f" and exact.dtype == np.float32 and "BSCALE" in convention.cards:
        exact = ops.read_image(str(path)).numpy()  # astropy scales single precision in single precision
    dtype = {"f": torch.float32 if exact.dtype.itemsize == 4 else torch.float64}.get(exact.dtype.kind, torch.float64)
    with np.errstate(over="ignore"):
        expected = expect(exact.astype("f4" if dtype == torch.float32 else "f8"), corners, size, -5)
    for source in (str(path), as_tensor(file), as_tensor(gzip.compress(file, 1))):
        found = ops.read_cutouts(source, [0], corners, size, fill=-5.0, dtype=dtype)
        np.testing.assert_array_equal(found[:, 0].numpy(), expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["8-signed", "16-blank-scaled", "32", "64-unsigned", "-32", "-64-scaled"])
def test_any_dtype_and_fill(name: str, dtype: torch.dtype | None) -> None:
    file = as_tensor(PLAIN[name].file((13, 17)))
    corners, size = windows((13, 17), 20)
    for fill in (None, 3.0):
        assert_cutouts(file, [0], corners, size, dtype=dtype, fill=fill)


def test_random_groups(tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(size=(6, 2, 3, 4)).astype("f4")
    groups = fits.GroupsHDU(fits.GroupData(data, parnames=["UU"], pardata=[np.arange(6.0)], bitpix=-32))
    path = tmp_path / "groups.fits"
    groups.writeto(path)
    corners, size = windows((6, 2, 3, 4), 30)
    assert_cutouts(str(path), [0], corners, size)
    np.testing.assert_array_equal(ops.read_cutouts(str(path), [0], torch.zeros(1, 4).long(), data.shape)[0, 0], data)


def test_planes_of_several_shapes() -> None:
    """Each plane has its own outside."""
    file = hdu_bytes(None)
    for item, shape in enumerate([(9, 9), (5, 14), (12, 3)]):
        file += hdu_bytes(PLAIN["16"].stored(shape, item), primary=False)
    corners, size = windows((9, 9), 40)
    assert_cutouts(as_tensor(file), [1, 2, 3, 2], corners, size)


# ---- compressed images

RANDOM = np.random.default_rng(1)
STARS = RANDOM.normal(100, 8, (37, 53))


def compressed(image: np.ndarray, codec: str, tile: tuple[int, ...], **options: Any) -> bytes:
    out = io.BytesIO()
    hdu = fits.CompImageHDU(image, compression_type=codec, tile_shape=tile, **options)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    return out.getvalue()


KINDS: dict[str, list[str]] = {
    "RICE_1": ["u1", "i2", "u2", "i4", "u4"],
    "GZIP_1": ["u1", "i2", "u2", "i4", "f4", "f8"],
    "GZIP_2": ["u1", "i2", "u2", "i4", "f4", "f8"],
    "HCOMPRESS_1": ["u1", "i2", "i4"],
    "PLIO_1": ["u1", "i2"],
}
LAYOUTS = {"rows": (1, 53), "odd": (7, 11), "whole": (37, 53), "columns": (37, 4)}
HCOMPRESS = {"rows": (8, 53), "odd": (11, 12), "whole": (37, 53), "columns": (37, 8)}  # no tile below 4 x 4


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("codec, kind", [(codec, kind) for codec in KINDS for kind in KINDS[codec]])
def test_compressed_images_as_astropy(codec: str, kind: str, layout: str) -> None:
    tile = (HCOMPRESS if codec == "HCOMPRESS_1" else LAYOUTS)[layout]
    options = {"quantize_level": 0} if kind[0] == "f" else {}
    image = STARS.astype(kind)
    file = compressed(image, codec, tile, **options)
    with fits.open(io.BytesIO(file)) as hdus:
        expected = hdus[1].data.astype("f8")
    np.testing.assert_array_equal(expected, image)
    for seed in range(3):
        corners, size = windows(image.shape, 15, seed)
        found = ops.read_cutouts(as_tensor(file), [1], corners, size, fill=-1.0, dtype=torch.float64)
        np.testing.assert_array_equal(found[:, 0].numpy(), expect(expected, corners, size, -1))


@pytest.mark.parametrize("codec", ["RICE_1", "GZIP_1", "GZIP_2"])
@pytest.mark.parametrize("method", [-1, 1, 2], ids=["NO_DITHER", "DITHER_1", "DITHER_2"])
def test_quantised_floats(codec: str, method: int) -> None:
    image = STARS.astype("f4")
    image[::5, ::7] = np.nan
    image[1::5, ::3] = 0
    options: dict[str, Any] = {"quantize_method": method} | ({"dither_seed": 3} if method > 0 else {})
    for tile in ((1, 53), (10, 10)):
        file = compressed(image, codec, tile, **options)
        with fits.open(io.BytesIO(file)) as hdus:
            expected = hdus[1].data.astype("f4")
        corners, size = windows(image.shape, 25)
        found = ops.read_cutouts(as_tensor(file), [1], corners, size)
        np.testing.assert_array_equal(found[:, 0].numpy(), expect(expected, corners, size, np.nan))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_compressed_to_any_dtype(dtype: torch.dtype | None) -> None:
    for codec, tile in (("RICE_1", (1, 53)), ("GZIP_2", (6, 9))):
        file = as_tensor(compressed(STARS.astype("i2"), codec, tile))
        corners, size = windows((37, 53), 20)
        for fill in (None, 9.0):
            assert_cutouts(file, [1], corners, size, dtype=dtype, fill=fill)


@pytest.mark.parametrize("shape, tile", [((301,), (64,)), ((5, 11, 13), (1, 4, 13)), ((2, 3, 5, 7), (1, 2, 3, 4))])
def test_compressed_of_any_rank(shape: tuple[int, ...], tile: tuple[int, ...]) -> None:
    image = RANDOM.integers(-500, 500, shape, dtype="i2")
    file = as_tensor(compressed(image, "RICE_1", tile))
    for seed in range(3):
        corners, size = windows(shape, 30, seed)
        assert_cutouts(file, [1], corners, size)


@pytest.mark.parametrize("threads", [1, 2])
def test_cutouts_of_more_tiles_than_are_decoded_together(threads: int) -> None:
    """64 tiles are one batch: those of the first stand in front of those of the next, and some stand in three."""
    image = RANDOM.integers(-500, 500, (333, 40), dtype="i2")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for tile in ((1, 40), (1, 9), (2, 3)):
            file = as_tensor(compressed(image, "RICE_1", tile))
            for size in ([150, 12], [65, 60], [1, 1], [400, 5]):
                corners = torch.from_numpy(RANDOM.integers(-20, 320, (60, 2)) // [1, 8])
                assert_cutouts(file, [1], corners, size)
    finally:
        torch.set_num_threads(before)


def test_plain_and_compressed_planes_together(tmp_path: Path) -> None:
    science = fits.CompImageHDU(STARS.astype("f4"), compression_type="RICE_1", name="SCI", quantize_level=16)
    mask = fits.CompImageHDU((STARS > 105).astype("u1"), compression_type="PLIO_1", name="MASK", tile_shape=(8, 8))
    path = tmp_path / "planes.fits"
    fits.HDUList([fits.PrimaryHDU(), science, fits.ImageHDU(STARS.astype("f8")), mask]).writeto(path)
    corners, size = windows((37, 53), 60)
    for source in (str(path), ops.read_file(str(path)), as_tensor(gzip.compress(path.read_bytes(), 1))):
        assert_cutouts(source, [1, 2, 3], corners, size)


def test_many_cutouts_of_one_tile_decode_it_once() -> None:
    """What 2000 windows on one large tile take is one tile's time, not 2000 of them."""
    import time

    image = RANDOM.integers(0, 999, (700, 700), dtype="i2")
    file = as_tensor(compressed(image, "GZIP_1", (700, 700)))

    def seconds(count: int) -> float:
        corners = torch.randint(0, 690, (count, 2), generator=torch.Generator().manual_seed(1))
        best = np.inf
        for _ in range(5):
            start = time.perf_counter()
            found = ops.read_cutouts(file, [1], corners, [4, 4])
            best = min(best, time.perf_counter() - start)
        np.testing.assert_array_equal(found[:, 0].numpy(), expect(image.astype("f4"), corners, [4, 4], 0))
        return best

    assert seconds(2000) < 20 * seconds(1)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_windows_of_any_kind(data: st.DataObject) -> None:
    """Any geometry: image, tile, size and corners, the farthest integers among them."""
    naxis = data.draw(st.integers(1, 3))
    length = st.integers(1, 60 if naxis == 1 else 12)
    shape = tuple(data.draw(length) for _ in range(naxis))
    size = [data.draw(st.integers(1, 14)) for _ in range(naxis)]
    number = st.one_of(st.integers(-16, 16), st.sampled_from([FAR, -FAR - 1, -FAR, 2**62, -(2**62)]))
    count = data.draw(st.integers(0, 7))
    corners = torch.tensor([[data.draw(number) for _ in shape] for _ in range(count)], dtype=torch.int64)
    corners = corners.reshape(count, naxis)
    image = np.arange(np.prod(shape), dtype="i2").reshape(shape)
    files = [hdu_bytes(None) + hdu_bytes(image, primary=False)]
    tile = tuple(data.draw(st.integers(1, n)) for n in shape)
    files.append(compressed(image, "RICE_1", tile))
    expected = np.stack([sliced(image.astype("f4"), corner, size, np.nan) for corner in corners.tolist()] or [[]])
    for file in files:
        found = ops.read_cutouts(as_tensor(file), [1], corners, size)
        np.testing.assert_array_equal(found[:, 0].numpy().reshape(expected.shape), expected)


# ---- many files


def files_of(count: int) -> list[bytes]:
    """Plain, gzipped and compressed by turns, of several sizes, with two planes."""
    made = []
    for item in range(count):
        image = np.random.default_rng(item).integers(-99, 99, (9 + item % 3, 12 - item % 4), dtype="i2")
        if item % 3 == 2:
            out = io.BytesIO()
            hdus = [fits.CompImageHDU(image, compression_type="RICE_1"), fits.ImageHDU(image.astype("f4") / 4)]
            fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(out)
            made.append(out.getvalue())
        else:
            planes = hdu_bytes(image, primary=False) + hdu_bytes(image.astype("f4") / 4, primary=False)
            file = hdu_bytes(None) + planes
            made.append(gzip.compress(file, 1) if item % 3 else file)
    return made


def forms(files: list[bytes], folder: Path) -> list[tuple[Any, ...]]:
    paths = [folder / f"{item}.fits" for item in range(len(files))]
    for path, file in zip(paths, files):
        path.write_bytes(file)
    return [(list(map(str, paths)),), packed(files)]


@pytest.mark.parametrize("threads", [1, 2])
def test_many_files(threads: int, tmp_path: Path) -> None:
    files = files_of(11)
    index = torch.from_numpy(np.random.default_rng(0).integers(0, 11, 90))
    index[index == 4] = 5  # a file that nothing comes from
    corners = torch.from_numpy(np.random.default_rng(1).integers(-4, 12, (90, 2)))
    expected = torch.cat(
        [ops.read_cutouts(as_tensor(files[i]), [2, 1], c[None], [5, 4]) for i, c in zip(index.tolist(), corners)]
    )
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        for source in forms(files, tmp_path):
            found = ops.read_cutouts(*source, index, [2, 1], corners, [5, 4])
            torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
            cutouts, status = ops.read_cutouts_status(*source, index, [2, 1], corners, [5, 4])
            torch.testing.assert_close(cutouts, expected, rtol=0, atol=0, equal_nan=True)
            assert status.dtype == torch.int32
            assert status.tolist() == [[0, 0]] * 90
    finally:
        torch.set_num_threads(before)


def test_one_path_many_times(tmp_path: Path) -> None:
    """As a loader names it for every item of a batch."""
    path = tmp_path / "a.fits"
    path.write_bytes(gzip.compress(files_of(1)[0]))
    corners = torch.tensor([[0, 1], [2, 3], [5, 5]])
    found = ops.read_cutouts([str(path)] * 3, torch.arange(3), [1], corners, [3, 3])
    assert found.equal(ops.read_cutouts(str(path), [1], corners, [3, 3]))


def test_empty_batches(tmp_path: Path) -> None:
    """Nothing is asked for: nothing is opened."""
    corners, none = torch.zeros(0, 2, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    missing = str(tmp_path / "missing.fits")
    assert ops.read_cutouts(missing, [0, 1], corners, [3, 4]).shape == (0, 2, 3, 4)
    assert ops.read_cutouts(torch.zeros(0, dtype=torch.uint8), [0], corners, [3, 4]).shape == (0, 1, 3, 4)
    assert ops.read_cutouts([], none, [0], corners, [3, 4]).shape == (0, 1, 3, 4)
    assert ops.read_cutouts([missing], none, [0], corners, [3, 4]).shape == (0, 1, 3, 4)
    cutouts, status = ops.read_cutouts_status([missing], none, [0], corners, [3, 4])
    assert (cutouts.shape, status.shape) == ((0, 1, 3, 4), (0, 1))
    assert ops.read_cutouts(missing, [0], torch.zeros(5, 2, dtype=torch.int64), [0, 4]).shape == (5, 1, 0, 4)


# ---- what is wrong


GOOD = hdu_bytes(np.arange(54, dtype="f4").reshape(6, 9))
TABLE = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1])])


def damaged() -> tuple[bytes, int]:
    """A compressed image of rows whose tile 3 has lost its bytes' meaning."""
    file = bytearray(compressed(STARS[:6, :9].astype("i2"), "GZIP_1", (1, 9)))
    data, descriptors, _ = ops.read_tiles(as_tensor(bytes(file)), 1)
    start = bytes(file).index(data.numpy().tobytes())
    offset, size = descriptors[3, :2].tolist()
    file[start + offset : start + offset + size] = b"\xff" * size
    return bytes(file), 3


def test_a_bad_tile_concerns_those_that_touch_it(tmp_path: Path) -> None:
    file, tile = damaged()
    corners = torch.tensor([[4, 0], [3, 2], [0, 0], [1, 1], [-9, 0]])
    bad = [c <= tile < c + 3 for c in corners[:, 0].tolist()]
    assert bad == [False, True, False, True, False]
    index = torch.zeros(5, dtype=torch.int64)
    for source in forms([file], tmp_path):
        name = "0.fits" if len(source) == 1 else "item 0"
        with pytest.raises(RuntimeError, match=rf"{name}\[1\]: cutout 1: tile 3: GZIP_1"):
            ops.read_cutouts(*source, index, [1], corners, [3, 4])
        cutouts, status = ops.read_cutouts_status(*source, index, [1], corners, [3, 4], fill=-1.0)
        assert status[:, 0].tolist() == [8 * b for b in bad]
        for b, cutout, corner in zip(bad, cutouts[:, 0], corners.tolist()):
            expected = sliced(STARS[:6, :9].astype("i2").astype("f4"), corner, (3, 4), -1)
            np.testing.assert_array_equal(cutout.numpy(), np.full((3, 4), -1) if b else expected)
    with pytest.raises(RuntimeError, match=r"data\[1\]: cutout 1: tile 3"):
        ops.read_cutouts(as_tensor(file), [1], corners, [3, 4])


def test_a_bad_row_of_the_table_concerns_its_tile() -> None:
    """Its descriptor points out of the heap; a gzipped copy is no better."""
    file = bytearray(compressed(STARS[:6, :9].astype("i2"), "RICE_1", (1, 9)))
    start = int(ops.hdus(as_tensor(bytes(file)))[1, 2])
    file[start + 8 * 2 + 4 : start + 8 * 2 + 8] = b"\x7f\xff\xff\xff"
    index, corners = torch.zeros(4, dtype=torch.int64), torch.tensor([[0, 0], [1, 0], [2, 0], [3, 0]])
    for content in (bytes(file), gzip.compress(bytes(file))):
        with pytest.raises(RuntimeError, match=r"cutout 1: tile 2, COMPRESSED_DATA"):
            ops.read_cutouts(as_tensor(content), [1], corners, [2, 3])
        _, status = ops.read_cutouts_status(*packed([content]), index, [1], corners, [2, 3])
        assert status[:, 0].tolist() == [0, 8, 8, 0]


BAD: list[tuple[int, type[Exception], str, bytes | None, int]] = [
    (1, RuntimeError, "empty", hdu_bytes(None), 0),
    (2, RuntimeError, "", None, 0),
    (3, RuntimeError, "", b"Not FITS at all. " * 400, 0),
    (4, RuntimeError, "", gzip.compress(GOOD)[:-30], 0),
    (5, IndexError, "no HDU 1", GOOD, 1),
    (6, RuntimeError, "binary table", GOOD + TABLE.header.tostring().encode() + bytes(2880), 1),
    (7, RuntimeError, "3 axes, where size has 2", PLAIN["16"].file((2, 4, 6)), 0),
    (9, RuntimeError, "BITPIX", GOOD.replace(b"BITPIX  =                  -32", b"BITPIX  =                   24"), 0),
]


@pytest.mark.parametrize("status, error, says, file, hdu", BAD, ids=[f"status {b[0]}" for b in BAD])
def test_one_bad_file_among_many(
    status: int, error: type[Exception], says: str, file: bytes | None, hdu: int, tmp_path: Path
) -> None:
    sound = GOOD + hdu_bytes(np.arange(54, dtype="i2").reshape(6, 9), primary=False)
    sources = forms([sound, file or b"", sound], tmp_path)
    if file is None:
        Path(sources[0][0][1]).unlink()
    index, corners = torch.tensor([2, 1, 0, 1, 2]), torch.tensor([[0, 0], [1, 1], [4, 5], [0, 0], [-1, 2]])
    expected = expect(np.arange(54, dtype="f4").reshape(6, 9), corners, [3, 4], -1)
    for source in sources:
        code = 1 if file is None and len(source) == 2 else status
        name = "1.fits" if len(source) == 1 else "item 1"
        with pytest.raises(error, match=rf"{name}\[{hdu}\]: .*{says if code == status else ''}"):
            ops.read_cutouts(*source, index, [hdu], corners, [3, 4])
        cutouts, found = ops.read_cutouts_status(*source, index, [hdu], corners, [3, 4], fill=-1.0)
        assert found[:, 0].tolist() == [0, code, 0, code, 0]
        expected[[1, 3]] = -1
        np.testing.assert_array_equal(cutouts[:, 0].numpy(), expected)


def test_a_bad_plane_leaves_the_others(tmp_path: Path) -> None:
    source = forms([GOOD], tmp_path)[0]
    corners, index = torch.tensor([[0, 0], [2, 2]]), torch.zeros(2, dtype=torch.int64)
    cutouts, status = ops.read_cutouts_status(*source, index, [0, 3, 0], corners, [2, 2], fill=7.0)
    assert status.tolist() == [[0, 5, 0]] * 2
    assert (cutouts[:, 1] == 7).all()
    assert cutouts[:, 0].equal(cutouts[:, 2])
    assert cutouts[0, 0].tolist() == [[0, 1], [9, 10]]


def test_a_file_cut_short_gives_what_is_there() -> None:
    image = np.arange(1000, dtype="f4").reshape(50, 20)
    file = hdu_bytes(image)[: 2880 + 30 * 80]
    corners, index = torch.tensor([[0, 0], [29, 3], [25, 3], [40, 0]]), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(RuntimeError, match=r"data\[0\]: cutout 1: the data unit is cut off"):
        ops.read_cutouts(as_tensor(file), [0], corners, [5, 4])
    cutouts, status = ops.read_cutouts_status(*packed([file]), index, [0], corners, [5, 4], fill=-1.0)
    assert status[:, 0].tolist() == [0, 4, 0, 4]
    np.testing.assert_array_equal(cutouts[[0, 2], 0].numpy(), expect(image, corners[[0, 2]], [5, 4], -1))
    assert (cutouts[[1, 3]] == -1).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_lowest_bad_cutout_is_named(threads: int, tmp_path: Path) -> None:
    """Whatever the order of the work: files come in another, and threads in any."""
    files = [GOOD, b"x" * 5000, GOOD, b"y" * 5000, damaged()[0]]
    index = torch.tensor([0, 2, 4, 3, 1, 4])
    corners = torch.tensor([[0, 0], [1, 1], [5, 0], [0, 0], [0, 0], [2, 0]])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        for _ in range(20):
            with pytest.raises(RuntimeError, match=r"item 3\[0\]"):
                ops.read_cutouts(*packed([*files[:4], GOOD]), index, [0], corners, [1, 1])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "arguments, match",
    [
        (([0], torch.zeros(3, 3, dtype=torch.int64), [2, 2]), r"corners must be int64 \[B, 2\].*not \[3, 3\]"),
        (([0], torch.zeros(2, dtype=torch.int64), [2, 2]), r"corners must be int64 \[B, 2\].*not \[2\]"),
        (([0], torch.zeros(3, 2), [2, 2]), "corners must be an int64 tensor, not Float"),
        (([0], torch.zeros(3, 2, dtype=torch.int32), [2, 2]), "corners must be an int64 tensor, not Int"),
        (([], torch.zeros(3, 2, dtype=torch.int64), [2, 2]), "hdus is empty"),
        (([-1], torch.zeros(3, 2, dtype=torch.int64), [2, 2]), "hdus has -1"),
        (([0], torch.zeros(3, 2, dtype=torch.int64), [2, -2]), r"size is \[2, -2\]"),
        (([0], torch.zeros(3, 0, dtype=torch.int64), []), "size is empty"),
        (([0], torch.zeros(3, 2, dtype=torch.int64), [2**40, 2**40]), "too many elements"),
    ],
)
def test_wrong_arguments(arguments: tuple[Any, ...], match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        ops.read_cutouts(as_tensor(GOOD), *arguments)
    assert str(caught.value).startswith(("read_cutouts: ", "a shape"))
    assert "\n" not in str(caught.value)


def test_wrong_index() -> None:
    corners = torch.zeros(2, 2, dtype=torch.int64)
    source = packed([GOOD, GOOD])
    for read in (ops.read_cutouts, ops.read_cutouts_status):
        for bad in (2, -1):
            with pytest.raises(IndexError, match=rf"index\[1\] is {bad}; there are 2 files"):
                read(*source, torch.tensor([0, bad]), [0], corners, [2, 2])
        with pytest.raises(ValueError, match=r"index must be int64 \[2\]"):
            read(*source, torch.tensor([0]), [0], corners, [2, 2])
        with pytest.raises(ValueError, match="index must be an int64 tensor"):
            read(*source, torch.tensor([0.0, 1.0]), [0], corners, [2, 2])
    with pytest.raises(ValueError, match="dtype"):
        ops.read_cutouts(*source, torch.tensor([0, 1]), [0], corners, [2, 2], dtype=torch.complex64)


def test_corners_of_any_strides() -> None:
    corners = torch.tensor([[1, 2, 0], [3, 0, 0]])[:, :2]
    assert not corners.is_contiguous()
    found = ops.read_cutouts(as_tensor(GOOD), [0], corners.t().contiguous().t(), [2, 2])
    assert found.equal(ops.read_cutouts(as_tensor(GOOD), [0], corners.contiguous(), [2, 2]))


# ---- other ways of reading

WITHOUT_MAPPING = """
import sys, torch, torchfits
path, hdu = sys.argv[1], int(sys.argv[2])
corners = torch.load(sys.argv[3])
torch.save(torch.ops.fits.read_cutouts(path, [hdu], corners, [19, 23]), sys.argv[4])
"""


@pytest.mark.parametrize("hdu", [1, 2])
def test_positioned_reads_give_the_same(hdu: int, tmp_path: Path) -> None:
    """TORCHFITS_MMAP=0, of a file that is large enough to be mapped."""
    image = RANDOM.integers(-999, 999, (400, 500), dtype="i2")
    path, given, out = tmp_path / "a.fits", tmp_path / "corners.pt", tmp_path / "out.pt"
    science = fits.CompImageHDU(image, compression_type="RICE_1", tile_shape=(1, 500))
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image), science]).writeto(path)
    corners = torch.from_numpy(RANDOM.integers(-9, 480, (70, 2)))
    torch.save(corners, given)
    arguments = [sys.executable, "-c", WITHOUT_MAPPING, str(path), str(hdu), str(given), str(out)]
    subprocess.run(arguments, check=True, env={**os.environ, "TORCHFITS_MMAP": "0"})
    found = torch.load(out)
    np.testing.assert_array_equal(found[:, 0].numpy(), expect(image.astype("f4"), corners, [19, 23], np.nan))


# ---- positions on the sky


def sky_cards(**changes: Any) -> dict[str, Any]:
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0, "CRPIX1": 30.0, "CRPIX2": 20.0}
    return cards | {"CDELT1": -0.01, "CDELT2": 0.01, "PC1_2": 0.1} | changes


def test_around_positions_on_the_sky(tmp_path: Path) -> None:
    """astropy's Cutout2D around each, also in the middle of a pixel, where even sizes jump."""
    from astropy.coordinates import SkyCoord
    from astropy.nddata import Cutout2D
    from astropy.wcs import WCS

    image = RANDOM.normal(size=(40, 60)).astype("f4")
    file = hdu_bytes(image, **sky_cards())
    path = tmp_path / "sky.fits"
    path.write_bytes(file)
    wcs = ops.wcs_from_file(str(path))
    pixel = torch.from_numpy(RANDOM.uniform(2, 37, (30, 2)))
    sky = ops.pixel_to_world(pixel, wcs)
    theirs = WCS(fits.Header.fromstring(file[:2880].decode()))
    found = ops.read_cutouts_sky(str(path), [0], sky, wcs, [5, 8], fill=0.0)
    for stamp, (ra, dec) in zip(found[:, 0], sky.tolist()):
        position = SkyCoord(ra, dec, unit="deg")
        expected = Cutout2D(image, position, (5, 8), wcs=theirs, mode="partial", fill_value=0).data
        np.testing.assert_array_equal(stamp.numpy(), expected)
    whole = torch.cartesian_prod(torch.arange(-3, 64), torch.arange(-3, 44))
    sky = ops.pixel_to_world(whole.double(), wcs)
    for size in ([5, 8], [8, 5], [6, 6], [7, 7]):
        corners = whole.flip(-1) - torch.tensor(size) // 2
        expected_all = ops.read_cutouts(str(path), [0], corners, size, fill=-1.0)
        for source in (str(path), as_tensor(file), as_tensor(gzip.compress(file))):
            assert ops.read_cutouts_sky(source, [0], sky, wcs, size, fill=-1.0).equal(expected_all)


def test_no_pixel_of_a_position(tmp_path: Path) -> None:
    """On the other side of the sky, not a number, infinitely far: filled, the others read."""
    file = as_tensor(hdu_bytes(np.ones((40, 60), "f4"), **sky_cards()))
    wcs = ops.wcs_from_file.bytes(file)
    nan, inf = float("nan"), float("inf")
    sky = torch.tensor([[330.0, -2.0], [nan, 2.0], [150.0, nan], [inf, 2.0], [150.0, 2.0], [60.1, 2.0]]).double()
    found = ops.read_cutouts_sky(file, [0], sky, wcs, [4, 4])
    assert found.isnan().flatten(1).all(1).tolist() == [True, True, True, True, False, True]
    assert (found[4] == 1).all()


def test_each_file_with_its_own_wcs(tmp_path: Path) -> None:
    images = RANDOM.normal(size=(3, 40, 60)).astype("f4")
    files = [hdu_bytes(image, **sky_cards(CRVAL1=150.0 + item)) for item, image in enumerate(images)]
    files[1] = gzip.compress(files[1])
    index = torch.from_numpy(RANDOM.integers(0, 3, 5000))
    pixel = torch.from_numpy(RANDOM.integers(0, 40, (5000, 2)))
    corners = pixel.flip(-1) - 2
    for source in forms(files, tmp_path):
        wcs = ops.wcs_from_files(*source) if len(source) == 1 else ops.wcs_from_files.packed(*source)
        sky = ops.pixel_to_world(pixel.double()[:, None], wcs[index])[:, 0]
        expected = ops.read_cutouts(*source, index, [0, 0], corners, [5, 4])
        found = ops.read_cutouts_sky(*source, index, [0, 0], sky, wcs, [5, 4])
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
        near = ops.world_to_pixel(sky, wcs[2])  # one for all: where the others' positions are in its pixels
        first = (near.flip(-1).round(decimals=6) - torch.tensor([5, 4]) / 2).ceil().long()
        found = ops.read_cutouts_sky(*source, index, [0], sky, wcs[2], [5, 4], fill=0.0)
        assert found.equal(ops.read_cutouts(*source, index, [0], first, [5, 4], fill=0.0))
        assert ops.read_cutouts_sky(*source, index[:0], [0], sky[:0], wcs, [5, 4]).shape == (0, 1, 5, 4)
        with pytest.raises(ValueError, match=r"wcs must be \[P\], or \[3, P\] with one for each file, not \[2, \d+\]"):
            ops.read_cutouts_sky(*source, index, [0], sky, wcs[:2], [5, 4])
        with pytest.raises(ValueError, match=r"index must be int64 \[4999\]"):
            ops.read_cutouts_sky(*source, index, [0], sky[1:], wcs, [5, 4])
        with pytest.raises(IndexError, match=r"index\[0\] is 3; there are 3 files"):
            ops.read_cutouts_sky(*source, index * 0 + 3, [0], sky, wcs, [5, 4])


def test_sky_and_cubes() -> None:
    """The axes that the WCS lacks begin at 0; with a WCS of all of them each has its place."""
    cube = RANDOM.normal(size=(6, 40, 60)).astype("f4")
    file = as_tensor(hdu_bytes(cube, CTYPE3="FREQ", CRVAL3=1e9, CDELT3=1e6, CRPIX3=1.0, **sky_cards()))
    wcs = ops.wcs_from_file.bytes(file)
    world = ops.pixel_to_world(torch.tensor([[20.0, 10.0, 3.0], [2.0, 39.0, 0.0]]).double(), wcs)
    corners = torch.tensor([[2, 8, 18], [-1, 37, 0]])
    assert_same = functools.partial(torch.testing.assert_close, rtol=0, atol=0, equal_nan=True)
    assert_same(ops.read_cutouts_sky(file, [0], world, wcs, [3, 4, 5]), ops.read_cutouts(file, [0], corners, [3, 4, 5]))
    flat = ops.wcs_from_file.bytes(as_tensor(hdu_bytes(cube[0], **sky_cards())))
    corners[:, 0] = 0
    assert_same(
        ops.read_cutouts_sky(file, [0], world[:, :2], flat, [6, 4, 5]), ops.read_cutouts(file, [0], corners, [6, 4, 5])
    )
    with pytest.raises(ValueError, match=r"sky must be \[B, 3\].*they are \[2, 2\] and \[3, 4, 5\]"):
        ops.read_cutouts_sky(file, [0], world[:, :2], wcs, [3, 4, 5])
    with pytest.raises(ValueError, match=r"size have 3 or more lengths; they are \[2, 3\] and \[4, 5\]"):
        ops.read_cutouts_sky(file, [0], world, wcs, [4, 5])
    with pytest.raises(ValueError, match="wcs must be float64"):
        ops.read_cutouts_sky(file, [0], world, wcs.float(), [3, 4, 5])
    with pytest.raises(ValueError, match="wcs cannot be used"):
        ops.read_cutouts_sky(file, [0], world, torch.zeros(40).double(), [3, 4, 5])


def test_positions_in_one_graph(tmp_path: Path) -> None:
    """Any number of positions, and a WCS that is an input too."""
    file = as_tensor(hdu_bytes(RANDOM.normal(size=(40, 60)).astype("f4"), **sky_cards()))
    wcs = ops.wcs_from_file.bytes(file)

    class Stamps(torch.nn.Module):
        def forward(self, data: torch.Tensor, sky: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
            return torch.ops.fits.read_cutouts_sky(data, [0], sky, wcs, [5, 8], fill=0.0) + 1

    stamps = Stamps()
    sky = ops.pixel_to_world(torch.from_numpy(RANDOM.uniform(2, 37, (9, 2))), wcs)
    any_number = ({0: torch.export.Dim.AUTO}, {0: torch.export.Dim("b")}, {0: torch.export.Dim.AUTO})
    exported = torch.export.export(stamps, (file, sky, wcs), dynamic_shapes=any_number).module()
    compiled = torch.compile(stamps, fullgraph=True, dynamic=True)
    scripted = torch.jit.script(stamps)
    for count in (9, 1, 0, 4):
        for graph in (exported, compiled, scripted):
            assert graph(file, sky[:count], wcs).equal(stamps(file, sky[:count], wcs))


def test_pixels_have_no_derivative_in_positions() -> None:
    """A network behind stamps is trained, also where positions and WCS are parameters; nothing warns."""
    file = as_tensor(hdu_bytes(RANDOM.normal(size=(40, 60)).astype("f4"), **sky_cards()))
    wcs = ops.wcs_from_file.bytes(file)
    sky = ops.pixel_to_world(torch.tensor([[20.0, 20.0]]).double(), wcs)
    weight = torch.ones(4, requires_grad=True)
    index = torch.zeros(1, dtype=torch.int64)

    def loss(sky: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
        stamps = ops.read_cutouts_sky(file, [0], sky, wcs, [4, 4])
        more = ops.read_cutouts_sky(*packed([file.numpy().tobytes()]), index, [0], sky, wcs, [4, 4])
        assert not stamps.requires_grad
        assert not more.requires_grad
        return (stamps * weight).sum()

    loss(sky.requires_grad_(), wcs.requires_grad_()).backward()
    assert weight.grad is not None
    assert sky.grad is None
