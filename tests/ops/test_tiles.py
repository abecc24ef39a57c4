"""read_tiles, decode_tiles, decompress_tiles, dequantize, assemble_tiles, and compressed images through every reader.

Values are astropy's and CFITSIO's (through fitsio); tables that no writer makes are put together here, byte by byte.
"""

from __future__ import annotations

import gzip
import io
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from image_samples import COMPRESSED
from operator_samples import BLOCK, as_tensor, hdu_bytes, packed

import torchfits
from torchfits import tile_arguments

ops = torch.ops.fits
NAN = math.nan
RICE, GZIP, GZIP_2, HCOMPRESS, PLIO, NOCOMPRESS = 1, 2, 3, 4, 5, 6
DTYPES = [
    *(torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64, torch.uint64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
]


def written(hdu: fits.CompImageHDU) -> torch.Tensor:
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    return as_tensor(file.getvalue())


def cfitsio(folder: Path, image: np.ndarray, **options: Any) -> Path:
    path = folder / "cfitsio.fits"
    fitsio.write(path, image, clobber=True, **options)
    return path


def decoded(file: torch.Tensor, hdu: int = 1, **changed: Any) -> torch.Tensor:
    """The whole image by read_tiles and decode_tiles."""
    known = {**tile_arguments(file, hdu), **changed}
    window = {"start": [0] * len(known["shape"]), "size": known["shape"], **changed}
    return ops.decode_tiles(*ops.read_tiles(file, hdu), **{**known, **window})


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(as_numpy(found), as_numpy(expected), strict=True)


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    if tensor.dtype in (torch.bfloat16, torch.float16):
        return tensor.float().numpy()
    return tensor.numpy()


def heap_table(rows: Sequence[dict[str, tuple[str, Any]]], **cards: Any) -> torch.Tensor:
    """A file with a compressed image in HDU 1: of each row its columns by name, TFORM and value (of P and Q: bytes)."""
    heap = b""
    lines = []
    for row in rows:
        line = b""
        for tform, value in row.values():
            if "P" in tform or "Q" in tform:
                size = np.dtype({"B": "u1", "I": "i2", "J": "i4", "E": "f4", "D": "f8"}[tform[-1]]).itemsize
                line += np.array([len(value) // size, len(heap)], ">i8" if "Q" in tform else ">i4").tobytes()
                heap += value
            else:
                line += np.array([value], {"J": ">i4", "D": ">f8", "E": ">f4", "I": ">i2"}[tform[-1]]).tobytes()
        lines.append(line)
    header = fits.Header()
    header["XTENSION"], header["BITPIX"], header["NAXIS"] = "BINTABLE", 8, 2
    header["NAXIS1"], header["NAXIS2"], header["PCOUNT"], header["GCOUNT"] = len(lines[0]), len(lines), len(heap), 1
    header["TFIELDS"] = len(rows[0])
    for n, (name, (tform, _)) in enumerate(rows[0].items(), 1):
        header[f"TTYPE{n}"], header[f"TFORM{n}"] = name, tform
    header["ZIMAGE"] = True
    for key, value in cards.items():
        header[key] = value
    data = b"".join(lines) + heap
    file = hdu_bytes(None) + header.tostring().encode() + data + bytes(-len(data) % BLOCK)
    return as_tensor(file)


def geometry(shape: Sequence[int], tile: Sequence[int], bitpix: int, codec: str, **cards: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"ZBITPIX": bitpix, "ZNAXIS": len(shape)}
    for n, (length, part) in enumerate(zip(reversed(shape), reversed(tile)), 1):
        found |= {f"ZNAXIS{n}": length, f"ZTILE{n}": part}
    return found | {"ZCMPTYPE": codec} | cards


def big(values: Any, dtype: str) -> bytes:
    return np.asarray(values, dtype).astype(">" + dtype).tobytes()


# --- Values -----------------------------------------------------------------------------------------------------------

random = np.random.default_rng(11)


def noise(dtype: str, shape: Sequence[int]) -> np.ndarray:
    """Noise as images have it, with the type's extremes."""
    values = random.normal(90, 20, shape)
    values = values.astype(dtype)
    if np.dtype(dtype).kind != "f":
        values.flat[-2:] = np.iinfo(dtype).min, np.iinfo(dtype).max
    return values


def undefined(values: np.ndarray, every: int = 7) -> np.ndarray:
    values.flat[::every] = np.nan
    return values


Make = Callable[[], fits.CompImageHDU]
IMAGES: dict[str, Make] = {
    **COMPRESSED,
    **{
        f"{codec} {dtype} in tiles": lambda codec=codec, dtype=dtype: fits.CompImageHDU(
            noise(dtype, (21, 30)), compression_type=codec, tile_shape=(8, 13)
        )
        for codec in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1")
        for dtype in ("u1", "i2", "i4")
    },
    **{
        f"{codec} {dtype}": lambda codec=codec, dtype=dtype: fits.CompImageHDU(
            noise(dtype, (21, 30)), compression_type=codec, quantize_level=0
        )
        for codec in ("GZIP_1", "GZIP_2")
        for dtype in ("i8", "u8", "u4", "f4", "f8")
    },
    **{
        f"{codec} quantised {dtype} {method}": lambda codec=codec, dtype=dtype, method=method: fits.CompImageHDU(
            undefined(noise(dtype, (21, 30))),
            compression_type=codec,
            tile_shape=(8, 13),
            quantize_level=16,
            quantize_method=method,
            dither_seed=9999,
        )
        for codec in ("RICE_1", "GZIP_1", "GZIP_2")
        for dtype in ("f4", "f8")
        for method in (-1, 1, 2)
    },
    "HCOMPRESS_1 quantised": lambda: fits.CompImageHDU(
        noise("f4", (21, 30)), compression_type="HCOMPRESS_1", tile_shape=(8, 13), quantize_level=16
    ),
    "RICE_1 i1": lambda: fits.CompImageHDU(noise("i1", (21, 30)), compression_type="RICE_1"),
    "RICE_1 4-D": lambda: fits.CompImageHDU(
        noise("i2", (3, 4, 5, 6)), compression_type="RICE_1", tile_shape=(2, 3, 5, 4)
    ),
    "GZIP_2 1-D": lambda: fits.CompImageHDU(noise("i4", (77,)), compression_type="GZIP_2", tile_shape=(10,)),
    "NOCOMPRESS i2": lambda: fits.CompImageHDU(noise("i2", (21, 30)), compression_type="NOCOMPRESS"),
    "one pixel": lambda: fits.CompImageHDU(np.array([[5]], "i2"), compression_type="RICE_1"),
}
# astropy's data of one image, and its file
SAMPLES: dict[str, tuple[torch.Tensor, np.ndarray]] = {}


def sample(kind: str) -> tuple[torch.Tensor, np.ndarray]:
    if kind not in SAMPLES:
        file = written(IMAGES[kind]())
        data = fits.getdata(io.BytesIO(file.numpy().tobytes()), 1)
        SAMPLES[kind] = file, data.astype(data.dtype.newbyteorder("="))
    return SAMPLES[kind]


@pytest.mark.parametrize("kind", IMAGES)
def test_values(kind: str, tmp_path: Path) -> None:
    file, expected = sample(kind)
    path = tmp_path / "image.fits"
    path.write_bytes(file.numpy().tobytes())
    forms = [file, str(path), as_tensor(gzip.compress(file.numpy().tobytes(), 1))]
    for form in forms:
        found = ops.read_image(form, 1)
        np.testing.assert_array_equal(found.numpy(), expected, strict=True)
    assert_same(decoded(file), found)
    data, offsets = packed([file.numpy().tobytes()] * 2)
    batch = ops.read_images(data, offsets, [1], list(expected.shape), dtype=found.dtype)[0]
    assert_same(batch[1, 0], found)
    values = ops.read_images_ragged([str(path)], [1], expected.ndim, dtype=found.dtype)[0]
    assert_same(values.reshape(expected.shape), found)


# Codecs, types and tiles that CFITSIO (through fitsio) does not read.
ASTROPYS = {"NOCOMPRESS i2", "RICE_1 4-D", *(kind for kind in IMAGES if kind.endswith(("i8", "u8")))}


@pytest.mark.parametrize("kind", [kind for kind in IMAGES if kind not in ASTROPYS])
def test_values_are_cfitsios(kind: str, tmp_path: Path) -> None:
    file, _ = sample(kind)
    path = tmp_path / "image.fits"
    path.write_bytes(file.numpy().tobytes())
    expected = fitsio.read(path, ext=1)
    np.testing.assert_array_equal(ops.read_image(file, 1).numpy(), expected.astype(expected.dtype.newbyteorder("=")))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", [kind for kind in IMAGES if "i8" not in kind and "u8" not in kind])
def test_conversions_are_those_of_plain_images(kind: str, dtype: torch.dtype) -> None:
    file, _ = sample(kind)
    stored = ops.read_image(file, 1, scaled=False)
    known = tile_arguments(file, 1)
    scaling = {key: known[key] for key in ("bscale", "bzero", "blank")}
    expected = ops.scale(stored, **scaling, dtype=dtype)
    assert_same(ops.read_image(file, 1, dtype=dtype), expected)
    assert_same(decoded(file, dtype=dtype), expected)


@pytest.mark.parametrize(
    "cards",
    [{"BSCALE": 0.5, "BZERO": 3.0}, {"BLANK": 90}, {"BLANK": 91, "BSCALE": 2.0}, {"BZERO": 32768}, {"BZERO": 100}],
)
@pytest.mark.parametrize("codec", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_scaling_of_integers(codec: str, cards: dict[str, Any]) -> None:
    stored = noise("i2", (21, 30))
    plain = as_tensor(hdu_bytes(stored, **cards))
    hdu = fits.CompImageHDU(stored, compression_type=codec, tile_shape=(8, 13))
    hdu.header.update(cards)
    file = written(hdu)
    assert_same(ops.read_image(file, 1, scaled=False), torch.from_numpy(stored))
    for dtype in (None, torch.float16, torch.float64, torch.int32, torch.uint16):
        assert_same(ops.read_image(file, 1, dtype=dtype), ops.read_image(plain, 0, dtype=dtype))
    assert_same(decoded(file), ops.read_image(plain, 0))


@pytest.mark.parametrize(
    "compress, dtype",
    [
        *itertools.product(["RICE", "GZIP", "GZIP_2", "HCOMPRESS"], ["u1", "i2", "u2", "i4", "f4", "f8"]),
        *itertools.product(["PLIO"], ["u1", "i2", "u2"]),
    ],
)
def test_files_of_cfitsio(compress: str, dtype: str, tmp_path: Path) -> None:
    image = np.abs(random.normal(90, 20, (37, 64))).astype(dtype)
    options = {"qmethod": "SUBTRACTIVE_DITHER_2", "dither_seed": 41} if dtype[0] == "f" else {}
    path = cfitsio(tmp_path, image, compress=compress, tile_dims=[16, 64], **options)
    expected = fitsio.read(path)
    np.testing.assert_array_equal(ops.read_image(str(path), 1).numpy(), expected, strict=True)
    if dtype[0] != "f" and compress != "HCOMPRESS":
        np.testing.assert_array_equal(expected, image)


def test_plio_with_bzero_holds_physical_values(tmp_path: Path) -> None:
    """As CFITSIO writes unsigned masks: line lists have no negative values."""
    mask = np.zeros((20, 30), "u2")
    mask[3:9, 4:20] = 65535
    mask[12, 7] = 32768
    path = cfitsio(tmp_path, mask, compress="PLIO")
    np.testing.assert_array_equal(ops.read_image(str(path), 1).numpy(), mask, strict=True)
    stored = (mask.astype("i4") - 32768).astype("i2")
    np.testing.assert_array_equal(ops.read_image(str(path), 1, scaled=False).numpy(), stored, strict=True)
    np.testing.assert_array_equal(ops.read_image(str(path), 1, dtype=torch.float32).numpy(), mask.astype("f4"))
    data = as_tensor(path.read_bytes())
    np.testing.assert_array_equal(decoded(data).numpy(), mask, strict=True)


def test_lossy_hcompress_saturates(tmp_path: Path) -> None:
    image = np.where(random.random((32, 32)) < 0.5, -32768, 32767).astype("i2")
    path = cfitsio(tmp_path, image, compress="HCOMPRESS", hcomp_scale=-300)
    found = ops.read_image(str(path), 1).numpy()
    np.testing.assert_array_equal(found, fitsio.read(path), strict=True)
    assert found.min() == -32768
    assert found.max() == 32767


# --- Tables that writers seldom make ---------------------------------------------------------------------------------


def test_a_call_mixes_codecs_and_columns() -> None:
    """Tiles that could not be quantised, gzipped or as they are, and a quantised one; columns in any order, P and Q."""
    image = noise("f4", (4, 6))
    image[2, 3], image[1, 0] = np.nan, -0.0
    quantised = np.arange(6, dtype="i4")
    quantised[2] = -2147483647
    none = {"COMPRESSED_DATA": ("1PB", b""), "GZIP_COMPRESSED_DATA": ("1QB", b""), "UNCOMPRESSED_DATA": ("PE", b"")}
    numbers = {"ZZERO": ("1D", 5.0), "ZSCALE": ("1E", 0.5), "ZBLANK": ("1J", -2147483647)}
    rows = [
        {**numbers, **none, "COMPRESSED_DATA": ("1PB", gzip.compress(big(quantised, "i4")))},
        {**none, "GZIP_COMPRESSED_DATA": ("1QB", gzip.compress(big(image[1], "f4"))), **numbers},
        {**none, "UNCOMPRESSED_DATA": ("PE", big(image[2], "f4")), **numbers},
        {**none, "GZIP_COMPRESSED_DATA": ("1QB", gzip.compress(big(image[3], "f4"))), **numbers},
    ]
    rows = [dict(sorted(row.items())) for row in rows]
    file = heap_table(rows, **geometry((4, 6), (1, 6), -32, "GZIP_1", ZQUANTIZ="NO_DITHER"))
    expected = image.copy()
    expected[0] = quantised * 0.5 + 5
    expected[0, 2] = np.nan
    found = ops.read_image(file, 1)
    np.testing.assert_array_equal(found.numpy(), expected, strict=True)
    assert found[1, 0].signbit()
    _, descriptors, quantisation = ops.read_tiles(file, 1)
    assert descriptors[:, 2].tolist() == [GZIP, GZIP, NOCOMPRESS, GZIP]
    np.testing.assert_array_equal(quantisation[0].numpy(), [0.5, 5, -2147483647])
    assert quantisation[1:, :2].isnan().all()
    assert_same(decoded(file), found)


@pytest.mark.parametrize("codec", ["GZIP_1", "GZIP_2", "NOCOMPRESS"])
def test_values_wider_than_bitpix(codec: str) -> None:
    """Old files hold 8-bit and 16-bit images as 32-bit values; CFITSIO tells it from the size."""
    values = np.array([[1, -5, 300], [40000, -40000, 7]], "i4")
    for bitpix, dtype in ((8, "u1"), (16, "i2")):
        streams = [big(row, "i4") for row in values]
        if codec == "GZIP_2":
            streams = [np.frombuffer(s, "u1").reshape(-1, 4).T.tobytes() for s in streams]
        if codec != "NOCOMPRESS":
            streams = [gzip.compress(stream) for stream in streams]
        rows = [{"COMPRESSED_DATA": ("1PB", stream)} for stream in streams]
        file = heap_table(rows, **geometry((2, 3), (1, 3), bitpix, codec))
        info = np.iinfo(dtype)
        expected = values.clip(info.min, info.max).astype(dtype)
        np.testing.assert_array_equal(ops.read_image(file, 1).numpy(), expected, strict=True)


@pytest.mark.parametrize("bitpix, dtype", [(8, "u1"), (16, "i2"), (32, "i4"), (64, "i8")])
def test_zblank_of_integers(bitpix: int, dtype: str) -> None:
    """Each tile's own ZBLANK becomes BLANK, which is NaN where the pixels can say so."""
    values = np.array([[1, 2, 3], [3, 2, 1]], dtype)
    rows = [
        {"COMPRESSED_DATA": ("1PB", gzip.compress(big(row, dtype))), "ZBLANK": ("1J", blank)}
        for row, blank in zip(values, (2, 3))
    ]
    file = heap_table(rows, **geometry((2, 3), (1, 3), bitpix, "GZIP_1", BLANK=9))
    floating = ops.read_image(file, 1)
    np.testing.assert_array_equal(floating.numpy(), [[1, NAN, 3], [NAN, 2, 1]])
    stored = ops.read_image(file, 1, scaled=False)
    np.testing.assert_array_equal(stored.numpy(), np.array([[1, 9, 3], [9, 2, 1]], dtype), strict=True)
    assert_same(decoded(file), floating)


def test_zblank_keyword_of_quantised_floats() -> None:
    values = np.array([[0, -2147483647, -2147483646]], "i4")
    rows = [{"COMPRESSED_DATA": ("1PB", gzip.compress(big(values, "i4"))), "ZSCALE": ("1D", 2.0), "ZZERO": ("1D", 1.0)}]
    for cards, expected in (
        ({"ZBLANK": -2147483647}, [1, NAN, -4294967291]),
        ({"BLANK": -2147483647}, [1, NAN, -4294967291]),
        ({}, [1, -4294967293, -4294967291]),
    ):
        file = heap_table(rows, **geometry((1, 3), (1, 3), -64, "GZIP_1", ZQUANTIZ="NO_DITHER", **cards))
        np.testing.assert_array_equal(ops.read_image(file, 1).numpy(), [expected])
    # Undefined pixels take part in the dithering, and become 0 where no float can say that they are undefined.
    cards = {"ZQUANTIZ": "SUBTRACTIVE_DITHER_2", "ZDITHER0": 3, "ZBLANK": -2147483647}
    file = heap_table(rows, **geometry((1, 3), (1, 3), -32, "GZIP_1", **cards))
    found = ops.read_image(file, 1)
    assert found[0, 1].isnan()
    assert found[0, 2] == 0
    assert ops.read_image(file, 1, dtype=torch.int32)[0, 1:].tolist() == [0, 0]


@pytest.mark.parametrize("codec", ["GZIP_1", "NOCOMPRESS"])
def test_zscale_that_is_nan(codec: str) -> None:
    """Of tiles with infinite pixels: quantised all the same, and undefined."""
    stream = big([5, 6, 7], "i4") if codec == "NOCOMPRESS" else gzip.compress(big([5, 6, 7], "i4"))
    for zzero in (1.0, NAN):
        row = {"COMPRESSED_DATA": ("1PB", stream), "ZSCALE": ("1D", NAN), "ZZERO": ("1D", zzero)}
        file = heap_table([row], **geometry((1, 3), (1, 3), -32, codec, ZQUANTIZ="NO_DITHER"))
        assert ops.read_image(file, 1).isnan().all()
        assert decoded(file).isnan().all()


def test_a_dithered_image_none_of_whose_tiles_is_quantised() -> None:
    """CFITSIO then leaves ZDITHER0 = 0."""
    none = {"COMPRESSED_DATA": ("1PB", b""), "ZSCALE": ("1D", 0.0), "ZZERO": ("1D", 0.0)}
    row = {**none, "UNCOMPRESSED_DATA": ("1PE", big([1.5, -2, NAN], "f4"))}
    cards = {"ZQUANTIZ": "SUBTRACTIVE_DITHER_1", "ZDITHER0": 0}
    file = heap_table([row], **geometry((1, 3), (1, 3), -32, "NOCOMPRESS", **cards))
    np.testing.assert_array_equal(ops.read_image(file, 1).numpy(), np.array([[1.5, -2, NAN]], "f4"))
    assert_same(decoded(file), ops.read_image(file, 1))


def test_null_mask_is_ignored() -> None:
    """ZMASKCMP and its column (section 10.1.3 of the draft): no reader applies them."""
    values = np.arange(3, dtype="i2")
    row = {"NULL_PIXEL_MASK": ("1PB", b"abc"), "COMPRESSED_DATA": ("1PB", gzip.compress(big(values, "i2")))}
    file = heap_table([row], **geometry((1, 3), (1, 3), 16, "GZIP_1", ZMASKCMP="RICE_1"))
    assert ops.read_image(file, 1).tolist() == [[0, 1, 2]]
    assert "ZMASKCMP" not in ops.header(file, 1)


# --- Windows ---------------------------------------------------------------------------------------------------------

WINDOWED = {
    "RICE_1": lambda: fits.CompImageHDU(noise("i2", (23, 31)), compression_type="RICE_1", tile_shape=(5, 9)),
    "RICE_1 rows": lambda: fits.CompImageHDU(noise("i4", (23, 70)), compression_type="RICE_1"),
    "quantised": IMAGES["RICE_1 quantised f4 1"],
    "GZIP_2": lambda: fits.CompImageHDU(noise("i2", (6, 7, 8)), compression_type="GZIP_2", tile_shape=(2, 3, 5)),
    "HCOMPRESS_1": IMAGES["HCOMPRESS_1 i2 in tiles"],
    "PLIO_1": IMAGES["PLIO_1 i2"],
}
_windowed = {kind: written(make()) for kind, make in WINDOWED.items()}


@pytest.mark.parametrize("kind", WINDOWED)
@given(data=st.data())
def test_windows(kind: str, data: st.DataObject) -> None:
    """Inside, across edges and outside: NaN, or 0 in integers, where the image is not."""
    file = _windowed[kind]
    image = ops.read_image(file, 1).double().numpy()
    start = [data.draw(st.integers(-6, length + 2)) for length in image.shape]
    size = [data.draw(st.integers(0, length + 6)) for length in image.shape]
    expected = np.full(size, NAN)
    overlap = [(max(s, 0), max(min(s + n, length), 0)) for s, n, length in zip(start, size, image.shape)]
    if all(low < high for low, high in overlap):
        target = tuple(slice(low - s, high - s) for (low, high), s in zip(overlap, start))
        expected[target] = image[tuple(slice(*ends) for ends in overlap)]
    found = decoded(file, start=start, size=size, dtype=torch.float64)
    np.testing.assert_array_equal(found.numpy(), expected, strict=True)
    integers = decoded(file, start=start, size=size, dtype=torch.int64)
    np.testing.assert_array_equal(integers.numpy(), np.nan_to_num(expected).astype("i8"), strict=True)
    if all(s >= 0 and s + n <= length for s, n, length in zip(start, size, image.shape)):
        section = ops.read_section(file, 1, start, size, dtype=torch.float64)
        np.testing.assert_array_equal(section.numpy(), expected, strict=True)


def test_padded_and_centred_stamps() -> None:
    file, expected = sample("RICE_1 quantised f4 1")
    data, offsets = packed([file.numpy().tobytes()])
    larger = ops.read_images(data, offsets, [1], [30, 40], centered=True)[0][0, 0]
    np.testing.assert_array_equal(larger[4:25, 5:35].numpy(), expected)
    assert larger.isnan().sum() == 30 * 40 - np.isfinite(expected).sum()
    smaller = ops.read_images(data, offsets, [1], [11, 10], centered=True)[0][0, 0]
    np.testing.assert_array_equal(smaller.numpy(), expected[5:16, 10:20])


def test_a_section_looks_at_its_own_tiles_alone() -> None:
    values = np.arange(24, dtype="i2").reshape(4, 6)
    rows = [{"COMPRESSED_DATA": ("1PB", gzip.compress(big(row, "i2")))} for row in values]
    file = heap_table(rows, **geometry((4, 6), (1, 6), 16, "GZIP_1"))
    table = int(ops.hdus(file)[1, 2])
    file[table + 8 : table + 12] = torch.tensor([127, 0, 0, 0], dtype=torch.uint8)  # of tile 1: longer than the heap
    file[table + 24 : table + 32] = 0  # tile 3 is empty
    np.testing.assert_array_equal(ops.read_section(file, 1, [0, 0], [1, 6]).numpy(), values[:1])
    np.testing.assert_array_equal(ops.read_section(file, 1, [2, 1], [1, 3]).numpy(), values[2:3, 1:4])
    with pytest.raises(RuntimeError, match=r"data\[1\]: tile 1, COMPRESSED_DATA: .* do not lie in the heap"):
        ops.read_image(file, 1)
    with pytest.raises(RuntimeError, match=r"data\[1\]: tile 3 is empty: it has no bytes in any column"):
        ops.read_section(file, 1, [3, 0], [1, 6])
    with pytest.raises(RuntimeError, match="tile 1, COMPRESSED_DATA"):
        ops.read_tiles(file, 1)
    _, descriptors, _ = ops.read_tiles(file, 1, torch.tensor([2, 0]))
    assert descriptors[:, 3].tolist() == [2, 0]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("mapped", ["1", "0"])
def test_large_images_on_threads(threads: int, mapped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More tiles than a batch, cut at both edges, from a mapping and by positioned reads."""
    monkeypatch.setenv("TORCHFITS_MMAP", mapped)
    image = noise("i2", (530, 1010))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for tile, compress in (
            ([1, 1010], "RICE"),
            ([100, 100], "RICE"),
            ([64, 64], "GZIP"),
            ([100, 100], "HCOMPRESS"),
        ):
            path = cfitsio(tmp_path, image, compress=compress, tile_dims=tile)
            np.testing.assert_array_equal(ops.read_image(str(path), 1).numpy(), image)
            section = ops.read_section(str(path), 1, [31, 333], [450, 600])
            np.testing.assert_array_equal(section.numpy(), image[31:481, 333:933])
    finally:
        torch.set_num_threads(before)


# --- Tiles in any order, and in parts --------------------------------------------------------------------------------


def test_missing_tiles_are_not_covered() -> None:
    file, expected = sample("RICE_1 i2")
    known = tile_arguments(file, 1)
    shape = known["shape"]
    order = torch.tensor([39, 3, 0, 17])
    tiles = ops.read_tiles(file, 1, order)
    wanted = np.zeros(shape, "i2")
    wanted[order] = expected[order]
    found = ops.decode_tiles(*tiles, **known, start=[0, 0], size=shape)
    np.testing.assert_array_equal(found.numpy(), wanted, strict=True)
    floating = ops.decode_tiles(*tiles, **{**known, "dtype": torch.float32}, start=[0, 0], size=shape)
    assert floating.isnan().sum() == 36 * shape[1]
    none = ops.decode_tiles(*(t[:0] for t in tiles), **known, start=[0, 0], size=shape)
    assert (none == 0).all()
    # An image of tiles that were not asked for is a window of those that were.
    row = ops.decode_tiles(*ops.read_tiles(file, 1, torch.tensor([17])), **known, start=[17, 5], size=[1, 9])
    np.testing.assert_array_equal(row.numpy(), expected[17:18, 5:14])


@pytest.mark.parametrize("kind", IMAGES)
def test_the_steps_apart(kind: str) -> None:
    """decompress_tiles, dequantize and assemble_tiles together are decode_tiles."""
    file, _ = sample(kind)
    data, descriptors, quantisation = ops.read_tiles(file, 1)
    known = tile_arguments(file, 1)
    quantised = not bool(quantisation[:, 0].isnan().any())
    assert quantised or bool(quantisation[:, 0].isnan().all())  # none has tiles of both kinds
    bitpix = 32 if quantised else known["bitpix"]
    geometry = known["tile_shape"], known["shape"]
    tiles = ops.decompress_tiles(data, descriptors, *geometry, bitpix, known["params"])
    assert tiles.shape == (len(descriptors), *known["tile_shape"])
    if quantised:
        zscale, zzero, zblank = quantisation.unbind(1)
        numbers = descriptors[:, 3]
        dither = known["method"], known["zdither0"]
        tiles = ops.dequantize(tiles, zscale, zzero, *dither, numbers, zblank, dtype=known["dtype"])
    window = {"start": [0] * len(known["shape"]), "size": known["shape"]}
    found = ops.assemble_tiles(tiles, *geometry, **window)
    scaling = {key: known[key] for key in ("bscale", "bzero", "blank")}
    assert_same(ops.scale(found, **scaling, dtype=known["dtype"]), ops.read_image(file, 1))


def test_cut_tiles_have_their_pixels_first() -> None:
    values = np.arange(35, dtype="i2").reshape(5, 7)
    hdu = fits.CompImageHDU(values, compression_type="RICE_1", tile_shape=(3, 4))
    data, descriptors, _ = ops.read_tiles(written(hdu), 1)
    tiles = ops.decompress_tiles(data, descriptors, [3, 4], [5, 7], 16, [32, 2, 0, 0])
    np.testing.assert_array_equal(tiles[0].numpy(), values[:3, :4])
    last = values[3:, 4:].flatten()
    assert tiles[3].flatten().tolist() == [*last.tolist(), *[0] * (12 - len(last))]


def park_miller() -> np.ndarray:
    seeds = list(itertools.accumulate(range(9999), lambda seed, _: 16807 * seed % 2147483647, initial=16807))
    assert seeds[-1] == 1043618065
    return (np.array(seeds) / 2147483647).astype("f4")


@pytest.mark.parametrize("method", ["NONE", "NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dequantize_by_the_formula(method: str, dtype: torch.dtype) -> None:
    randoms = park_miller()
    tiles = random.integers(-1000, 1000, (3, 20011), dtype="i4")
    tiles[:, ::5], tiles[:, 1::7] = -2147483647, -2147483646
    zscale, zzero, zblank = np.array([0.1, 3.0, -2.5]), np.array([7.0, -0.3, 1e4]), np.array([-2147483647.0, NAN, 12.0])
    numbers = np.array([0, 9999, 123456])
    expected = np.empty(tiles.shape, "f8" if dtype == torch.float64 else "f4")
    for t, number in enumerate(numbers):
        sequence = (number + 4 - 1) % 10000
        taken: list[float] = []
        while len(taken) < tiles.shape[1]:
            taken += randoms[int(randoms[sequence] * 500) :].tolist()
            sequence = (sequence + 1) % 10000
        level = tiles[t].astype("f8")
        if "DITHER_" in method:
            level = level - np.array(taken[: tiles.shape[1]]) + 0.5
        exact = level * zscale[t] + zzero[t]
        if method.endswith("2"):
            exact[tiles[t] == -2147483646] = 0
        exact[tiles[t] == zblank[t]] = NAN
        expected[t] = exact
    columns = map(torch.from_numpy, (zscale, zzero))
    blanks = torch.from_numpy(zblank)
    found = ops.dequantize(torch.from_numpy(tiles), *columns, method, 4, torch.from_numpy(numbers), blanks, dtype=dtype)
    assert_same(found, ops.scale(torch.from_numpy(expected), dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16])
def test_dequantize_narrow_integers(dtype: torch.dtype) -> None:
    tiles = torch.arange(60).reshape(2, 3, 10)
    rest = torch.tensor([0.5, 2.0]).double(), torch.zeros(2).double(), "SUBTRACTIVE_DITHER_1", 5, torch.arange(2)
    wide = ops.dequantize(tiles.int(), *rest, dtype=torch.float32)
    assert_same(ops.dequantize(tiles.to(dtype), *rest, dtype=torch.float32), wide)
    assert ops.dequantize(
        tiles[:0].to(dtype), *(r[:0] if isinstance(r, torch.Tensor) else r for r in rest), dtype=torch.float32
    ).shape == (0, 3, 10)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("flat", [True, False])
def test_assemble_tiles(flat: bool, dtype: torch.dtype) -> None:
    image = torch.arange(7 * 11).reshape(7, 11).to(dtype)
    stack = torch.zeros(12, 2, 5).to(dtype)
    for number in range(12):
        row, column = number // 3 * 2, number % 3 * 5
        part = image[row : row + 2, column : column + 5].flatten()
        stack[number].view(-1)[: len(part)] = part
    tiles = stack.reshape(12, 10) if flat else stack
    assert_same(ops.assemble_tiles(tiles, [2, 5], [7, 11], start=[0, 0], size=[7, 11]), image)
    window = ops.assemble_tiles(tiles, [2, 5], [7, 11], start=[-1, 3], size=[5, 10])
    assert_same(window[1:, :8], image[:4, 3:])
    outside = window[0] if not dtype.is_floating_point else window[0].isnan()
    assert (as_numpy(outside) == (1 if dtype.is_floating_point else 0)).all()


def test_assemble_tiles_gradient() -> None:
    tiles = torch.randn(6, 3, 4, dtype=torch.float64, requires_grad=True)
    for start, size in (([0, 0], [5, 10]), ([2, 3], [3, 4]), ([0, 4], [5, 3])):
        torch.autograd.gradcheck(
            lambda t, start=start, size=size: ops.assemble_tiles(t, [3, 4], [5, 10], start=start, size=size), (tiles,)
        )
    # Pixels outside the image come from no tile.
    padded = ops.assemble_tiles(tiles, [3, 4], [5, 10], start=[-2, -2], size=[9, 14])
    padded.nansum().backward()
    inside = ops.assemble_tiles(torch.ones_like(tiles), [3, 4], [5, 10], start=[0, 0], size=[5, 10]).sum()
    assert tiles.grad is not None
    assert tiles.grad.sum() == inside == 50


# --- Reading tiles ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["RICE_1 i2", "RICE_1 quantised f4 2", "PLIO_1 i2"])
def test_read_tiles(kind: str, tmp_path: Path) -> None:
    file, _ = sample(kind)
    path = tmp_path / "image.fits"
    path.write_bytes(file.numpy().tobytes())
    data, descriptors, quantisation = ops.read_tiles(file, 1)
    for form in (str(path), as_tensor(gzip.compress(file.numpy().tobytes(), 1))):
        for one, other in zip(ops.read_tiles(form, 1), (data, descriptors, quantisation)):
            assert_same(one, other)
    offsets, sizes = descriptors[:, 0], descriptors[:, 1]
    assert offsets.tolist() == [0, *sizes.cumsum(0)[:-1].tolist()]
    assert int(sizes.sum()) == len(data)
    assert descriptors[:, 3].tolist() == list(range(len(descriptors)))
    with fits.open(io.BytesIO(file.numpy().tobytes()), disable_image_compression=True) as hdus:
        for number, row in enumerate(hdus[1].data["COMPRESSED_DATA"]):
            stream = data[offsets[number] : offsets[number] + sizes[number]].numpy()
            np.testing.assert_array_equal(
                stream, np.frombuffer(row.astype(row.dtype.newbyteorder(">")).tobytes(), "u1")
            )
        if "ZSCALE" in hdus[1].data.names:
            np.testing.assert_array_equal(quantisation[:, 0].numpy(), hdus[1].data["ZSCALE"])
            np.testing.assert_array_equal(quantisation[:, 1].numpy(), hdus[1].data["ZZERO"])
            assert (quantisation[:, 2] == hdus[1].header["ZBLANK"]).all()
        else:
            assert quantisation.isnan().all()
    some = torch.tensor([2, 0, 2])
    chosen, places, numbers = ops.read_tiles(file, 1, some)
    assert places[:, 3].tolist() == [2, 0, 2]
    assert_same(numbers, quantisation[some])
    expected = torch.cat([data[offsets[i] : offsets[i] + sizes[i]] for i in (2, 0, 2)])
    assert_same(chosen, expected)
    assert [t.shape[0] for t in ops.read_tiles(file, 1, some[:0])] == [0, 0, 0]


def test_read_tiles_errors(tmp_path: Path) -> None:
    file, _ = sample("RICE_1 i2")
    for tiles, says in (([40], "there is no tile 40; the image has 40 tiles"), ([-1], "there is no tile -1")):
        with pytest.raises(IndexError, match=rf"data\[1\]: {says}"):
            ops.read_tiles(file, 1, torch.tensor(tiles))
    with pytest.raises(ValueError, match="int64"):
        ops.read_tiles(file, 1, torch.tensor([1], dtype=torch.int32))
    with pytest.raises(ValueError, match="one dimension"):
        ops.read_tiles(file, 1, torch.tensor([[1]]))
    with pytest.raises(RuntimeError, match=r"data\[0\]: the HDU is an image without tiles; read_image reads it"):
        ops.read_tiles(as_tensor(hdu_bytes(np.zeros((2, 3), "i2"))), 0)
    with pytest.raises(IndexError, match="no HDU 2"):
        ops.read_tiles(file, 2)
    with pytest.raises(RuntimeError, match=r"missing\.fits"):
        ops.read_tiles(str(tmp_path / "missing.fits"), 1)
    with pytest.raises(RuntimeError, match="cut off"):
        ops.read_tiles(file[: len(file) - BLOCK], 1)
    with pytest.raises(ValueError, match="is not a compressed image"):
        tile_arguments(hdu_bytes(np.zeros((2, 3), "i2")), 0)


# --- Errors ----------------------------------------------------------------------------------------------------------


def one_tile(stream: bytes, bitpix: int = 16, codec: str = "GZIP_1", **cards: Any) -> torch.Tensor:
    rows = [{"COMPRESSED_DATA": ("1PB", stream)}]
    return heap_table(rows, **geometry((4, 6), (4, 6), bitpix, codec, **cards))


GOOD = gzip.compress(big(np.arange(24), "i2"))
BAD_FILES: dict[str, tuple[torch.Tensor, str]] = {
    "an unknown codec": (
        one_tile(GOOD, codec="BZIP2_1"),
        "ZCMPTYPE = BZIP2_1: this codec is not known; RICE_1, GZIP_1, GZIP_2, HCOMPRESS_1, PLIO_1 and NOCOMPRESS are",
    ),
    "BYTEPIX = 8": (one_tile(GOOD, codec="RICE_1", ZNAME1="BYTEPIX", ZVAL1=8), "BYTEPIX = 8: RICE_1 of 8 bytes"),
    "a gzip stream cut short": (one_tile(GOOD[:-9]), "tile 0: GZIP_1: the stream ends too early"),
    "a gzip stream of fewer pixels": (one_tile(gzip.compress(big(np.arange(23), "i2"))), "tile 0: GZIP_1: "),
    "a gzip stream of more pixels": (one_tile(gzip.compress(big(np.arange(25), "i2"))), "tile 0: GZIP_1: "),
    "no gzip stream": (one_tile(b"not gzip at all, but long enough"), "tile 0: GZIP_1: "),
    "floats of two bytes": (
        one_tile(GOOD, bitpix=-32, ZQUANTIZ="NONE"),
        "tile 0: GZIP_1: the stream is of other lengths than the tile",
    ),
    "integers of RICE_1 without ZSCALE": (
        one_tile(GOOD, bitpix=-32, codec="RICE_1"),
        "tile 0: RICE_1: the tile holds integers",
    ),
    "integers of PLIO_1 without ZSCALE": (
        one_tile(GOOD, bitpix=-64, codec="PLIO_1"),
        "tile 0: PLIO_1: the tile holds integers",
    ),
    "a RICE_1 stream cut short": (one_tile(b"\0\0\0\0\x70", codec="RICE_1"), "RICE_1: the stream ends too early"),
    "an HCOMPRESS_1 stream of other lengths": (
        one_tile(bytes.fromhex("dd99 00000005 00000006") + bytes(40), codec="HCOMPRESS_1"),
        "tile 0: HCOMPRESS_1: the stream is of other lengths than the tile",
    ),
    "an HCOMPRESS_1 stream without magic": (one_tile(bytes(40), codec="HCOMPRESS_1"), "tile 0: HCOMPRESS_1: "),
    "NOCOMPRESS of half a value": (one_tile(bytes(47), codec="NOCOMPRESS"), "tile 0: NOCOMPRESS: "),
    "NOCOMPRESS of too few bytes": (one_tile(bytes(23), codec="NOCOMPRESS"), "tile 0: NOCOMPRESS: the stream ends"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(name: str) -> None:
    file, says = BAD_FILES[name]
    with pytest.raises(RuntimeError, match=rf"data\[1\]: .*{says}"):
        ops.read_image(file, 1)
    data, offsets = packed([file.numpy().tobytes()])
    images, _, status = ops.read_images(data, offsets, [1], [4, 6], fill=-1.0, strict=False)
    assert status.tolist() == [[8]]
    assert (images == -1).all()


def test_the_bad_tile_of_the_lowest_number_is_named() -> None:
    image = noise("i2", (300, 40))
    file = written(fits.CompImageHDU(image, compression_type="RICE_1"))
    data, descriptors, quantisation = ops.read_tiles(file, 1)
    known = tile_arguments(file, 1)
    descriptors[[17, 130, 290], 1] = 3
    shuffled = torch.randperm(300)
    for order in (torch.arange(300), shuffled):
        tiles = data, descriptors[order], quantisation[order]
        with pytest.raises(RuntimeError, match=r"decode_tiles: tile 17: RICE_1: the stream ends too early"):
            ops.decode_tiles(*tiles, **known, start=[0, 0], size=known["shape"])
        step = *tiles[:2], known["tile_shape"], known["shape"], known["bitpix"], known["params"]
        with pytest.raises(RuntimeError, match=r"decompress_tiles: tile 17: RICE_1: the stream ends too early"):
            ops.decompress_tiles(*step)
    good = ops.decode_tiles(data, descriptors, quantisation, **known, start=[18, 0], size=[100, 40])
    np.testing.assert_array_equal(good.numpy(), image[18:118])


def arguments() -> dict[str, Any]:
    """A sound call of decode_tiles: two tiles, gzipped and as they are."""
    first, second = gzip.compress(big([1, 2, 3], "i2")), big([4, 5, 6], "i2")
    return {
        "data": as_tensor(first + second),
        "descriptors": torch.tensor([[0, len(first), GZIP, 0], [len(first), len(second), NOCOMPRESS, 1]]),
        "quantisation": torch.full((2, 3), NAN, dtype=torch.float64),
        "tile_shape": [1, 3],
        "shape": [2, 3],
        "bitpix": 16,
        "method": "NONE",
        "zdither0": 0,
        "params": [0, 0, 0, 0],
        "start": [0, 0],
        "size": [2, 3],
        "dtype": torch.int16,
    }


def changed_descriptor(row: int, column: int, value: int) -> torch.Tensor:
    descriptors = arguments()["descriptors"]
    descriptors[row, column] = value
    return descriptors


BIG = 2**63 - 1
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"descriptors": changed_descriptor(0, 0, -1)}, r"tile 0: \d+ bytes at -1 do not lie in the \d+ bytes of data"),
    ({"descriptors": changed_descriptor(0, 0, BIG)}, "tile 0: .* do not lie in"),
    ({"descriptors": changed_descriptor(0, 1, -1)}, "tile 0: -1 bytes at 0 do not lie in"),
    ({"descriptors": changed_descriptor(1, 1, 7)}, "tile 1: 7 bytes at .* do not lie in"),
    ({"descriptors": changed_descriptor(1, 1, BIG)}, "tile 1: .* do not lie in"),
    ({"descriptors": changed_descriptor(1, 1, -BIG - 1)}, "tile 1: .* do not lie in"),
    ({"descriptors": changed_descriptor(1, 2, 0)}, "tile 1: codec 0; codecs are 1 RICE_1"),
    ({"descriptors": changed_descriptor(1, 2, 7)}, "tile 1: codec 7"),
    ({"descriptors": changed_descriptor(1, 2, 257)}, "tile 1: codec 257"),
    ({"descriptors": changed_descriptor(1, 3, 2)}, r"descriptors\[1\] is of tile 2; the image has 2 tiles"),
    ({"descriptors": changed_descriptor(1, 3, -1)}, r"descriptors\[1\] is of tile -1"),
    ({"descriptors": changed_descriptor(1, 3, 0)}, "descriptors hold tile 0 twice"),
    ({"descriptors": torch.zeros(2, 4)}, r"descriptors must be Long \[T, 4\], not Float"),
    ({"descriptors": torch.zeros(2, 3, dtype=torch.int64)}, r"descriptors must be Long \[T, 4\]"),
    ({"descriptors": torch.zeros(8, dtype=torch.int64)}, r"descriptors must be Long \[T, 4\]"),
    ({"quantisation": torch.zeros(2, 3)}, r"quantisation must be Double \[T, 3\], not Float"),
    ({"quantisation": torch.zeros(1, 3).double()}, "quantisation has 1 rows and descriptors 2"),
    ({"data": torch.zeros(40)}, r"data must be uint8 \[n\], not Float"),
    ({"data": torch.zeros(4, 10, dtype=torch.uint8)}, r"data must be uint8 \[n\]"),
    ({"tile_shape": [1]}, "shape has 2 axes and tile_shape 1"),
    ({"tile_shape": [1, 0]}, "a tile has no axis below 1"),
    ({"tile_shape": [-1, 3]}, "a tile has no axis below 1"),
    ({"shape": [0, 3]}, "has no axis below 1"),
    ({"shape": [], "tile_shape": []}, "shape has 0 axes; from 1 to 16 are possible"),
    ({"shape": [1] * 17, "tile_shape": [1] * 17}, "shape has 17 axes; from 1 to 16 are possible"),
    ({"shape": [BIG, BIG]}, "has too many pixels"),
    ({"shape": [2**30, 2**30], "tile_shape": [2**30, 2**30]}, "a tile of 1152921504606846976 pixels from"),
    ({"bitpix": 24}, "bitpix is 24"),
    ({"method": "DITHER"}, "method is DITHER; it must be NONE"),
    ({"params": [0, 0, 0]}, "params has 3 numbers; it must have 4"),
    ({"params": [-1, 0, 0, 0]}, r"params\[0\], BLOCKSIZE, is -1"),
    ({"params": [0, 8, 0, 0]}, r"params\[1\], BYTEPIX, is 8; it must be 1, 2 or 4"),
    ({"start": [0]}, "the image has 2 axes; start has 1 and size 2"),
    ({"size": [2, -3]}, "a window has no axis below 0"),
    ({"dtype": torch.bool}, "cannot hold pixels"),
    ({"dtype": torch.complex64}, "cannot hold pixels"),
]


@pytest.mark.parametrize("changed, says", WRONG, ids=[f"{'-'.join(c)}-{i}" for i, (c, _) in enumerate(WRONG)])
def test_wrong_arguments(changed: dict[str, Any], says: str) -> None:
    """Whatever is handed over raises; nothing is read or written outside."""
    assert ops.decode_tiles(**arguments()).tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(ValueError, match=f"decode_tiles: .*{says}"):
        ops.decode_tiles(**{**arguments(), **changed})
    shared = {
        key: {**arguments(), **changed}[key]
        for key in ("data", "descriptors", "tile_shape", "shape", "bitpix", "params")
    }
    if set(changed) & set(shared) and "twice" not in says:
        with pytest.raises(ValueError, match=f"decompress_tiles: .*{says}"):
            ops.decompress_tiles(**shared)


def test_wrong_arguments_of_the_steps() -> None:
    tiles, columns = torch.zeros(2, 5, dtype=torch.int32), torch.ones(2).double()
    sound = [tiles, columns, columns, "NO_DITHER", 0, torch.arange(2)]
    for place, value, says in (
        (0, tiles.long(), "tiles must be uint8, int16 or int32, not Long"),
        (0, tiles.sum().int(), "tiles must have a dimension for the tiles"),
        (1, columns.float(), r"zscale must be Double \[2\], one for each tile, not Float"),
        (2, columns[:1], r"zzero must be Double \[2\], one for each tile"),
        (3, "DITHER", "method is DITHER"),
        (5, torch.arange(3), "tile_number must be Long"),
        (5, torch.tensor([0, -1]), r"tile_number\[1\] is -1"),
    ):
        with pytest.raises(ValueError, match=f"dequantize: {says}"):
            ops.dequantize(*sound[:place], value, *sound[place + 1 :], dtype=torch.float32)
    with pytest.raises(ValueError, match="dequantize: zblank must be Double"):
        ops.dequantize(*sound, torch.zeros(2), dtype=torch.float32)
    dithered = [
        ops.dequantize(*sound[:3], "SUBTRACTIVE_DITHER_1", seed, sound[5], dtype=torch.float32) for seed in (0, 10000)
    ]
    assert torch.equal(*dithered)  # fpack writes 0
    window = {"start": [0, 0], "size": [2, 3]}
    for stack in (torch.zeros(1, 3), torch.zeros(2, 4), torch.zeros(6), torch.zeros(3, 2)):
        with pytest.raises(ValueError, match=r"assemble_tiles: tiles are .* takes \[2, 3\]"):
            ops.assemble_tiles(stack, [1, 3], [2, 3], **window)
    with pytest.raises(ValueError, match="cannot hold pixels"):
        ops.assemble_tiles(torch.zeros(2, 3, dtype=torch.bool), [1, 3], [2, 3], **window)


@given(st.binary(max_size=200), st.integers(1, 6), st.sampled_from([8, 16, 32, 64, -32, -64]), st.booleans())
def test_any_bytes_are_pixels_or_an_error(stream: bytes, codec: int, bitpix: int, quantised: bool) -> None:
    data = torch.frombuffer(bytearray(stream + b"\0"), dtype=torch.uint8)[: len(stream)]
    numbers = torch.tensor([[0.5, 1.0, -7.0]] * 2).double() if quantised else torch.full((2, 3), NAN).double()
    descriptors = torch.tensor([[0, len(stream), codec, 1], [len(stream) // 2, len(stream) // 2, codec, 0]])
    image = [3, 4], [3, 7], bitpix, "SUBTRACTIVE_DITHER_2", 3, [0, 0, 0, 1]
    window = {"start": [0, 0], "size": [3, 7], "dtype": torch.int16 if len(stream) % 2 else torch.float32}
    try:
        found = ops.decode_tiles(data, descriptors, numbers, *image, **window)
    except RuntimeError as error:
        assert "decode_tiles: tile " in str(error)  # noqa: PT017  there need not be one
    else:
        assert found.shape == (3, 7)


# --- Graphs ----------------------------------------------------------------------------------------------------------


class Cutout(torch.nn.Module):
    """A window of tiles, as large as the mask that it is for."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self.known = known

    def forward(
        self, data: torch.Tensor, descriptors: torch.Tensor, quantisation: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        size = list(mask.shape)
        start = [(have - want) // 2 for have, want in zip(self.known["shape"], size)]
        return ops.decode_tiles(data, descriptors, quantisation, **self.known, start=start, size=size) * mask


def test_graphs_with_windows_of_any_size() -> None:
    file, expected = sample("RICE_1 quantised f4 1")
    tiles, module = ops.read_tiles(file, 1), Cutout(tile_arguments(file, 1))
    dynamic = torch.export.Dim.DYNAMIC
    shapes = ({0: dynamic}, {0: dynamic}, {0: dynamic}, {0: dynamic, 1: dynamic})
    exported = torch.export.export(module, (*tiles, torch.ones(7, 8)), dynamic_shapes=shapes).module()
    compiled = torch.compile(module, fullgraph=True, dynamic=True)
    for height, width in ((7, 8), (3, 12), (21, 30), (5, 5)):
        mask = torch.ones(height, width)
        top, left = (21 - height) // 2, (30 - width) // 2
        wanted = expected[top : top + height, left : left + width]
        for run in (module, exported, compiled):
            np.testing.assert_array_equal(run(*tiles, mask).numpy(), wanted)


def test_a_batch_of_steps_in_one_graph() -> None:
    """Decompressed, dequantised, put together and differentiated in one compiled graph."""
    file, _ = sample("RICE_1 quantised f4 2")
    data, descriptors, quantisation = ops.read_tiles(file, 1)
    known = tile_arguments(file, 1)
    geometry = known["tile_shape"], known["shape"]

    def image(gain: torch.Tensor) -> torch.Tensor:
        tiles = ops.decompress_tiles(data, descriptors, *geometry, 32, known["params"])
        zscale, zzero, zblank = quantisation.unbind(1)
        values = ops.dequantize(
            tiles, zscale, zzero, known["method"], known["zdither0"], descriptors[:, 3], zblank, dtype=torch.float32
        )
        flat = gain * values.nan_to_num()
        return ops.assemble_tiles(flat, *geometry, start=[0, 0], size=known["shape"])

    gain = torch.tensor(2.0, requires_grad=True)
    expected = 2 * ops.read_image(file, 1).nan_to_num()
    found = torch.compile(image, fullgraph=True)(gain)
    assert_same(found.detach(), expected)
    found.sum().backward()
    torch.testing.assert_close(gain.grad, expected.sum() / 2)


def test_arguments_of_a_header() -> None:
    """What tile_arguments says is what the tile table itself is read by."""
    hdu = fits.CompImageHDU(noise("i2", (4, 21, 30)), compression_type="HCOMPRESS_1", tile_shape=(1, 8, 13))
    known = torchfits.tile_arguments(written(hdu), 1)
    expected = {"tile_shape": [1, 8, 13], "shape": [4, 21, 30], "bitpix": 16, "method": "NONE", "zdither0": 1}
    expected |= {"params": [0, 0, 0, 0], "bscale": 1.0, "bzero": 0.0, "blank": None, "dtype": torch.int16}
    assert known == expected
