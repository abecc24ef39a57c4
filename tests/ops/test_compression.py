"""compress_tiles, quantize: what they make is decoded again, and is what fpack and CFITSIO (through fitsio) make.

Whole files are put together here from tables of tiles, and read by funpack, astropy and fitsio.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
import pytest
import tile_samples as samples
import torch
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from operator_samples import BLOCK, as_tensor, hdu_bytes
from tile_samples import INTEGERS, LAYOUTS, LOSSLESS, METHODS, Wanted, same_bits, seeded
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from torchfits import tile_arguments

ops = torch.ops.fits
NAN = math.nan
CODEC_NAMES = ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1", "NOCOMPRESS"]  # codec 1 is the first
STORED = ["u1", "i2", "i4"]
BITPIX = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}
NO_PARAMS = [0, 0, 0, 0]


def types_of(codec: str) -> list[str]:
    return list(BITPIX) if codec in LOSSLESS else STORED


def compressed(
    image: np.ndarray, codec: str, tile: tuple[int, ...] | list[int], params: list[int] = NO_PARAMS
) -> tuple[torch.Tensor, torch.Tensor]:
    return ops.compress_tiles(torch.from_numpy(image), codec, list(tile), params)


def restored(
    tiles: tuple[torch.Tensor, torch.Tensor], image: np.ndarray, tile: tuple[int, ...], params: list[int] = NO_PARAMS
) -> np.ndarray:
    """What decode_tiles makes of an image's tiles."""
    data, descriptors = tiles
    quantisation = torch.full((len(descriptors), 3), NAN, dtype=torch.float64)
    shape, bitpix = list(image.shape), BITPIX[image.dtype.str[1:]]
    window = {"start": [0] * image.ndim, "size": shape, "dtype": torch.from_numpy(image[:0]).dtype}
    return ops.decode_tiles(
        data, descriptors, quantisation, list(tile), shape, bitpix, "NONE", 0, params, **window
    ).numpy()


def streams_of(tiles: tuple[torch.Tensor, ...]) -> list[bytes]:
    """Each tile's stream; they lie end to end, in the order of the tiles."""
    data, descriptors = tiles[0].numpy().tobytes(), tiles[1]
    ends = descriptors[:, 1].cumsum(0)
    assert torch.equal(descriptors[:, 0], ends - descriptors[:, 1])
    assert torch.equal(descriptors[:, 3], torch.arange(len(descriptors)))
    assert len(data) == ends[-1]
    return [data[start : start + size] for start, size in descriptors[:, :2].tolist()]


# --- Round trips ------------------------------------------------------------------------------------------------------


def pixels_for(codec: str, kind: str) -> list[samples.Pixels]:
    if codec == "PLIO_1":
        return [samples.mask, samples.full_mask, samples.ramp, samples.zeros, samples.constant]
    return samples.OF_FLOATS if kind[0] == "f" else [*samples.OF_INTEGERS, samples.patchwork]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("codec", CODEC_NAMES)
def test_round_trip(codec: str, layout: str) -> None:
    """Every type that the codec codes, every sort of pixels, exactly."""
    shape, tile = LAYOUTS[layout]
    for kind in types_of(codec):
        for pixels in pixels_for(codec, kind):
            image = pixels(shape, kind)
            tiles = compressed(image, codec, tile)
            counts = [-(-length // part) for length, part in zip(shape, tile)]
            assert tiles[1].shape == (math.prod(counts), 4)
            assert set(tiles[1][:, 2].tolist()) == {1 + CODEC_NAMES.index(codec)}
            assert all(streams_of(tiles))
            # NaN keeps its payload: bytes are compared.
            params = [0, image.itemsize if codec == "RICE_1" else 0, 0, 0]
            assert restored(tiles, image, tile, params).tobytes() == image.tobytes(), (kind, pixels.__name__)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, np.ndarray, tuple[int, ...], list[int]]:
    codec = draw(st.sampled_from(CODEC_NAMES))
    kind = draw(st.sampled_from(types_of(codec)))
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    tile = tuple(draw(st.integers(1, 11)) for _ in shape)
    low, high = (0, 2**24 - 1) if codec == "PLIO_1" else (-(2**63), 2**63 - 1)
    whole = "i8" if kind == "f8" else "i4" if kind == "f4" else kind
    low, high = max(low, np.iinfo(whole).min), min(high, np.iinfo(whole).max)
    # Runs of few values, where codecs have their short forms.
    values = draw(st.lists(st.integers(low, high) | st.sampled_from([low, high, 0, 1]), min_size=1, max_size=8))
    chosen = np.random.default_rng(draw(st.integers(0, 2**32))).choice(len(values), math.prod(shape))
    image = np.array(values, whole)[chosen].reshape(shape).view(kind)
    blocksize = draw(st.sampled_from([0, 1, 2, 16, 32, 33, 1000, 2**31 - 1])) if codec == "RICE_1" else 0
    return codec, image, tile, [blocksize, 0, draw(st.sampled_from([0, 1])), 0]


@given(cases())
def test_round_trip_of_anything(case: tuple[str, np.ndarray, tuple[int, ...], list[int]]) -> None:
    codec, image, tile, params = case
    width = [image.itemsize if codec == "RICE_1" else 0]
    found = restored(compressed(image, codec, tile, params), image, tile, [params[0], *width, 0, 0])
    assert found.tobytes() == image.tobytes()


def test_bytepix_is_the_width_of_pixels() -> None:
    """Said or not said, the stream is the same."""
    for kind in STORED:
        image = samples.sky((5, 70), kind)
        width = image.itemsize
        said = [compressed(image, "RICE_1", (1, 70), [32, bytepix, 0, 0])[0] for bytepix in (0, width)]
        assert torch.equal(*said)
        for other in {1, 2, 4} - {width}:
            with pytest.raises(ValueError, match=rf"BYTEPIX, is {other}; pixels of this image have {width} bytes"):
                compressed(image, "RICE_1", (1, 70), [32, other, 0, 0])


# --- As fpack does ----------------------------------------------------------------------------------------------------


def fpacked(images: Sequence[np.ndarray], *options: str) -> torch.Tensor:
    """The file that fpack makes of images, which are in HDUs 1, 2, ..."""
    plain = hdu_bytes(None)
    for image in images:
        stored, bzero = samples.stored_of(image)
        plain += hdu_bytes(stored, primary=False, **({"BZERO": bzero} if bzero else {}))
    return as_tensor(samples.fpack_file(plain, *options))


TILES = {"rows": [], "tiles": ["-t", "40,25"], "whole": ["-w"]}
FPACK_SHAPE = (60, 107)


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("option", ["-r", "-h", "-h -s -3", "-h -s 2"])
def test_streams_are_those_of_fpack(option: str, kind: str, tile: str) -> None:
    """Byte for byte. fpack takes -s 2 times the noise of each tile: SCALE is then what its stream says."""
    # HCOMPRESS_1 of noise overruns CFITSIO's buffer.
    choice = [samples.sky, samples.constant, samples.ramp, samples.mask]
    if option == "-r":
        choice += [samples.noise, samples.extremes, samples.patchwork]
    images = [pixels(FPACK_SHAPE, kind) for pixels in choice]
    file = fpacked(images, *option.split(), *TILES[tile])
    for hdu, (pixels, image) in enumerate(zip(choice, images), 1):
        known, expected = tile_arguments(file, hdu), streams_of(ops.read_tiles(file, hdu))
        stored = samples.stored_of(image)[0]
        codec = "RICE_1" if option == "-r" else "HCOMPRESS_1"
        scales = [0] * len(expected)
        if codec == "HCOMPRESS_1":
            scales = [int.from_bytes(stream[10:14], "big") for stream in expected]
            assert option != "-h -s -3" or set(scales) == {3}
        by_scale = {
            scale: streams_of(compressed(stored, codec, known["tile_shape"], [known["params"][0], 0, scale, 0]))
            for scale in set(scales)
        }
        assert [by_scale[scale][n] for n, scale in enumerate(scales)] == expected, pixels.__name__


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("kind", ["u1", "i2", "u2"])
def test_line_lists_are_those_of_fpack(kind: str, tile: str) -> None:
    """Byte for byte. Of uint16, whose stored values may be negative, CFITSIO codes the physical ones."""
    choice = [samples.mask, samples.full_mask, samples.ramp, samples.sky, samples.constant, samples.zeros]
    images = [pixels(FPACK_SHAPE, kind) for pixels in choice]
    file = fpacked(images, "-p", *TILES[tile])
    for hdu, (pixels, image) in enumerate(zip(choice, images), 1):
        expected = ops.read_tiles(file, hdu)
        assert set(expected[1][:, 2].tolist()) == {5}
        physical = image.astype("i4") if kind == "u2" else image
        found = compressed(physical, "PLIO_1", tile_arguments(file, hdu)["tile_shape"])
        assert streams_of(found) == streams_of(expected), pixels.__name__


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("kind", [*INTEGERS, "f4", "f8"])
@pytest.mark.parametrize("codec, options", [("GZIP_1", ["-g1"]), ("GZIP_2", ["-g2"])])
def test_gzip_is_as_small_as_that_of_fpack(codec: str, options: list[str], kind: str, tile: str) -> None:
    lossless = ["-q", "0"] if kind[0] == "f" else []
    choice = [samples.sky, samples.noise]
    images = [pixels((70, 300), kind) for pixels in choice]
    file = fpacked(images, *options, *lossless, *TILES[tile])
    for hdu, (pixels, image) in enumerate(zip(choice, images), 1):
        expected = ops.read_tiles(file, hdu)
        assert {1 + CODEC_NAMES.index(codec)} == set(expected[1][:, 2].tolist())
        found = compressed(samples.stored_of(image)[0], codec, tile_arguments(file, hdu)["tile_shape"])
        assert len(found[0]) <= 1.01 * len(expected[0]), pixels.__name__


# --- quantize ---------------------------------------------------------------------------------------------------------

LEVELS = [4.0, 16.0, -0.5]
SEEDS = [1, 77, 10000]
FLAT = [samples.constant, samples.zeros, samples.nothing]  # no noise: one level is enough
QUANTISED = [*itertools.product([samples.sky, samples.holes, samples.ramp], LEVELS, METHODS)]
QUANTISED += [*itertools.product(FLAT, LEVELS[:1], METHODS), (samples.nothing, -0.5, METHODS[1])]


def wanted_floats(layout: str, kind: str) -> Iterator[tuple[Wanted, float, str, int]]:
    for turn, (pixels, level, method) in enumerate(QUANTISED):
        seed = SEEDS[turn % len(SEEDS)]
        options = {"qlevel": level, "qmethod": method, "dither_seed": seed}
        name = f"{pixels.__name__} {level} {method} {seed}"
        yield Wanted(name, pixels(LAYOUTS[layout][0], kind), options, lossless=False), level, method, seed


def assert_quantised_as(file: torch.Tensor, hdu: int, image: np.ndarray, level: float, method: str, seed: int) -> int:
    """ZSCALE, ZZERO and integers of quantize, against those of a file; the number of tiles that were quantised."""
    data, descriptors, quantisation = ops.read_tiles(file, hdu)
    known = tile_arguments(file, hdu)
    geometry = known["tile_shape"], known["shape"]
    tiles, zscale, zzero = ops.quantize(torch.from_numpy(image), geometry[0], level, method, seed)
    np.testing.assert_array_equal(zscale, quantisation[:, 0])
    np.testing.assert_array_equal(zzero, quantisation[:, 1])
    done = ~zscale.isnan()
    expected = ops.decompress_tiles(data, descriptors[done], *geometry, 32, known["params"])
    np.testing.assert_array_equal(tiles[done], expected)
    assert not tiles[~done].any()
    return int(done.sum())


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("layout", ["rows", "100x100", "odd", "columns", "1-D", "3-D"])
def test_quantised_as_by_cfitsio(layout: str, kind: str) -> None:
    """Bit for bit: levels, methods and seeds, NaN, exact zeros, tiles without noise or without pixels."""
    wanted = list(wanted_floats(layout, kind))
    file = as_tensor(samples.fitsio_file([want for want, *_ in wanted], "RICE_1", LAYOUTS[layout][1]))
    done = 0
    for hdu, (want, level, method, seed) in enumerate(wanted, 1):
        assert tile_arguments(file, hdu)["method"] == method
        try:
            done += assert_quantised_as(file, hdu, want.pixels, level, method, seed)
        except AssertionError as error:
            raise AssertionError(want.name) from error
    assert done > 0


FPACK_LEVELS = [
    (["-q", "4"], 4.0, 1, None), (["-q0", "16"], 16.0, 0, 1), (["-qz", "4"], 4.0, 2, None),
    (["-q77", "-0.5"], -0.5, 1, 77),
    (["-qz9999", "16"], 16.0, 2, 9999), (["-q0", "-0.5"], -0.5, 0, 1), (["-qt", "4"], 4.0, 1, None),
]  # fmt: skip


@pytest.mark.parametrize("codec", ["-r", "-g1", "-g2", "-h"])
@pytest.mark.parametrize("options, level, number, seed", FPACK_LEVELS, ids=[" ".join(o) for o, *_ in FPACK_LEVELS])
def test_quantised_as_by_fpack(codec: str, options: list[str], level: float, number: int, seed: int | None) -> None:
    """Bit for bit. Where no seed is given, it is from the clock or from the first tile, and stands in the file. CFITSIO
    keeps no zeros where HCOMPRESS_1 might lose them: it takes SUBTRACTIVE_DITHER_1."""
    method = METHODS[1 if codec == "-h" and number == 2 else number]
    images = [pixels((48, 52), kind) for pixels in (samples.sky, samples.holes) for kind in ("f4", "f8")]
    file = fpacked(images, codec, *options, *(["-t", "26,16"] if number else []))
    for hdu, image in enumerate(images, 1):
        known = tile_arguments(file, hdu)
        assert known["method"] == method
        assert seed is None or method == "NO_DITHER" or known["zdither0"] == seed
        assert assert_quantised_as(file, hdu, image, level, method, known["zdither0"] or 10000) > 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tiles_that_cannot_be_quantised(dtype: torch.dtype, method: str) -> None:
    image = torch.from_numpy(samples.sky((6, 40), "f8")).to(dtype)
    image[1] = 3  # no noise
    image[2, 7] = math.inf
    image[3, 9] = 1e30  # too wide a range
    image[4, 5:9] = NAN
    tiles, zscale, zzero = ops.quantize(image, [1, 40], 4.0, method, 5)
    assert zscale.isnan().tolist() == zzero.isnan().tolist() == [False, True, True, True, False, False]
    assert not tiles[1:4].any()
    assert torch.equal(tiles == -2147483647, (image[:, None].isnan()))
    for one in (ops.quantize(image, [1, 1], 4.0, method, 5), ops.quantize(image, [1, 40], 0.0, method, 5)):
        assert one[1].isnan().all()  # one pixel has no noise; level 0 quantises nothing
        assert not one[0].any()


@given(st.integers(0, 2**32), st.sampled_from(LEVELS), st.sampled_from(METHODS), st.integers(1, 10000))
def test_dequantised_within_half_a_step(seed: int, level: float, method: str, zdither0: int) -> None:
    """quantize, then dequantize: no pixel moves by more than half a step; zeros and NaN are exact."""
    random = np.random.default_rng(seed)
    shape, tile = (7, 23), (3, 9)
    image = torch.from_numpy(random.normal(random.normal(0, 1e3), 10 ** random.uniform(-3, 3), shape))
    image[random.integers(7)] = NAN
    image[:, random.integers(23)] = 0
    tiles, zscale, zzero = ops.quantize(image, tile, level, method, zdither0)
    numbers, zblank = torch.arange(len(tiles)), torch.full([len(tiles)], -2147483647, dtype=torch.float64)
    found = ops.dequantize(tiles, zscale, zzero, method, zdither0, numbers, zblank, dtype=torch.float64)
    back = ops.assemble_tiles(found, tile, shape, start=[0, 0], size=shape)
    step = torch.repeat_interleave(torch.repeat_interleave(zscale.reshape(3, 3), 3, 0)[:7], 9, 1)[:, :23]
    known = ~step.isnan()
    assert torch.equal(back.isnan() | ~known, image.isnan() | ~known)
    near = (back - image).abs() <= 0.5 * step + 1e-9 * image.abs()
    assert (near | image.isnan() | ~known).all()
    if method == "SUBTRACTIVE_DITHER_2":
        assert (back[known & (image == 0)] == 0).all()


# --- Whole files ------------------------------------------------------------------------------------------------------


ELEMENT = {"1PB": 1, "1PI": 2}  # bytes of an element; streams of PLIO_1 are 16-bit words


def table_file(rows: list[dict[str, tuple[str, Any]]], **cards: Any) -> bytes:
    """A file with a binary table in HDU 1: of each row its columns by name, TFORM and value (of P: bytes)."""
    lines, heap = b"", b""
    for row in rows:
        for tform, value in row.values():
            if tform in ELEMENT:
                lines += np.array([len(value) // ELEMENT[tform], len(heap)], ">i4").tobytes()
                heap += value
            else:
                lines += np.array(value, ">f8").tobytes()
    header = fits.Header()
    header["XTENSION"], header["BITPIX"], header["NAXIS"] = "BINTABLE", 8, 2
    header["NAXIS1"], header["NAXIS2"], header["PCOUNT"] = len(lines) // len(rows), len(rows), len(heap)
    header["GCOUNT"], header["TFIELDS"] = 1, len(rows[0])
    for n, (name, (tform, _)) in enumerate(rows[0].items(), 1):
        header[f"TTYPE{n}"], header[f"TFORM{n}"] = name, tform
    for key, value in cards.items():
        header[key] = value
    data = lines + heap
    return hdu_bytes(None) + header.tostring().encode() + data + bytes(-len(data) % BLOCK)


def image_cards(image: np.ndarray, codec: str, tile: tuple[int, ...], params: list[int]) -> dict[str, Any]:
    cards: dict[str, Any] = {"ZIMAGE": True, "ZBITPIX": BITPIX[image.dtype.str[1:]], "ZNAXIS": image.ndim}
    for n, (length, part) in enumerate(zip(reversed(image.shape), reversed(tile)), 1):
        cards |= {f"ZNAXIS{n}": length, f"ZTILE{n}": part}
    cards["ZCMPTYPE"] = codec
    width = 4 if image.dtype.kind == "f" else image.itemsize
    named = {
        "RICE_1": {"BLOCKSIZE": params[0] or 32, "BYTEPIX": width},
        "HCOMPRESS_1": {"SCALE": params[2], "SMOOTH": 0},
    }
    for n, (name, value) in enumerate(named.get(codec, {}).items(), 1):
        cards |= {f"ZNAME{n}": name, f"ZVAL{n}": value}
    return cards


def stored_file(image: np.ndarray, codec: str, tile: tuple[int, ...], params: list[int] = NO_PARAMS) -> bytes:
    """A compressed image, nothing quantised."""
    tform = "1PI" if codec == "PLIO_1" else "1PB"
    rows = [{"COMPRESSED_DATA": (tform, stream)} for stream in streams_of(compressed(image, codec, tile, params))]
    cards = image_cards(image, codec, tile, params)
    return table_file(rows, **cards, **({"ZQUANTIZ": "NONE"} if image.dtype.kind == "f" else {}))


def quantised_file(
    image: np.ndarray, codec: str, tile: tuple[int, ...], level: float, method: str, zdither0: int
) -> bytes:
    """A compressed image of floats; tiles that cannot be quantised are gzipped as they are."""
    tiles, zscale, zzero = ops.quantize(torch.from_numpy(image), tile, level, method, zdither0)
    integers = ops.assemble_tiles(tiles, tile, image.shape, start=[0] * image.ndim, size=image.shape)
    streams = streams_of(ops.compress_tiles(integers, codec, tile, NO_PARAMS))
    lossless = streams_of(compressed(image, "GZIP_1", tile))
    rows = []
    for number, (scale, zero) in enumerate(zip(zscale.tolist(), zzero.tolist())):
        done = not math.isnan(scale)
        rows.append(
            {
                "COMPRESSED_DATA": ("1PB", streams[number] if done else b""),
                "GZIP_COMPRESSED_DATA": ("1PB", b"" if done else lossless[number]),
                "ZSCALE": ("1D", scale if done else 0.0),
                "ZZERO": ("1D", zero if done else 0.0),
            }
        )
    cards = image_cards(image, codec, tile, NO_PARAMS) | {"ZQUANTIZ": method, "ZBLANK": -2147483647}
    return table_file(rows, **cards, **({"ZDITHER0": zdither0} if method != "NO_DITHER" else {}))


def our_reading(file: bytes) -> np.ndarray:
    known = tile_arguments(as_tensor(file), 1)
    window = {"start": [0] * len(known["shape"]), "size": known["shape"]}
    return ops.decode_tiles(*ops.read_tiles(as_tensor(file), 1), **known, **window).numpy()


def readings(file: bytes, folder: Path) -> dict[str, np.ndarray]:
    """By astropy, CFITSIO, fitsio and funpack."""
    path = folder / "image.fits"
    path.write_bytes(file)
    found = {}
    with fits.open(io.BytesIO(file), do_not_scale_image_data=True) as hdus:
        found["astropy"] = samples.astropy_stored(hdus, 1)
        found["CFITSIO"] = samples.cfitsio_stored(hdus, file, 1)
    found["fitsio"] = fitsio.read(str(path), ext=1)
    with fits.open(io.BytesIO(samples.funpack_file(file))) as hdus:
        data = next(hdu.data for hdu in hdus if hdu.data is not None)
        found["funpack"] = data.astype(data.dtype.newbyteorder("="))
    return found


@pytest.mark.parametrize("layout", ["rows", "100x100", "1-D", "planes"])
@pytest.mark.parametrize("codec", CODEC_NAMES[:5])
def test_files_of_integers_are_read_by_all(codec: str, layout: str, tmp_path: Path) -> None:
    shape, tile = LAYOUTS[layout]
    for turn, kind in enumerate(STORED):
        pixels = samples.mask if codec == "PLIO_1" else (samples.sky, samples.ramp, samples.noise)[turn]
        if codec == "HCOMPRESS_1" and layout in ("1-D", "rows"):
            tile = shape = (16, 45)  # CFITSIO has no smaller tiles of it than 4 by 4
        image = pixels(shape, kind)
        file = stored_file(image, codec, tile)
        assert same_bits(our_reading(file), image)
        for reader, found in readings(file, tmp_path).items():
            assert same_bits(found, image), (reader, kind)


@pytest.mark.parametrize("codec", ["GZIP_1", "GZIP_2", "NOCOMPRESS"])
@pytest.mark.parametrize("kind", ["i8", "f4", "f8"])
def test_files_without_loss_are_read_by_astropy(kind: str, codec: str) -> None:
    image = samples.patchwork((33, 37), kind)
    file = stored_file(image, codec, (7, 11))
    assert same_bits(our_reading(file), image)
    with fits.open(io.BytesIO(file)) as hdus:
        assert same_bits(samples.astropy_stored(hdus, 1), image)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("codec", CODEC_NAMES[:4])
def test_files_of_floats_are_read_by_all(codec: str, method: str, tmp_path: Path) -> None:
    """NaN, zeros, tiles of one value and of none; of undefined pixels fitsio gives numbers, as it is not asked."""
    for kind, level in itertools.product(("f4", "f8"), (4.0, -0.5)):
        image = samples.holes((32, 45), kind)
        image[20] = 2.5
        tile = (16, 45) if codec == "HCOMPRESS_1" else (1, 45)
        file = quantised_file(image, codec, tile, level, method, 321)
        expected = our_reading(file)
        assert np.array_equal(np.isnan(expected), np.isnan(image))
        defined = ~np.isnan(image)
        for reader, found in readings(file, tmp_path).items():
            where = defined if reader == "fitsio" else np.full_like(defined, True)
            np.testing.assert_array_equal(found[where], expected[where], err_msg=reader)


def test_a_sky_is_as_small_as_fpack_makes_it(tmp_path: Path) -> None:
    """The whole file within 1 %, and every stream the same."""
    random = seeded("sky")
    y, x = np.mgrid[:300, :400]
    image = random.normal(1000, 5, y.shape)
    for row, column, flux in zip(random.uniform(0, 300, 40), random.uniform(0, 400, 40), random.exponential(5000, 40)):
        image += flux * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)
    pixels = image.astype("f4")
    packed = fpacked([pixels], "-r", "-q42", "4")
    file = quantised_file(pixels, "RICE_1", (1, 400), 4.0, "SUBTRACTIVE_DITHER_1", 42)
    assert len(file) <= 1.01 * len(packed)
    assert streams_of(ops.read_tiles(as_tensor(file), 1)) == streams_of(ops.read_tiles(packed, 1))
    assert same_bits(our_reading(file), our_reading(packed.numpy().tobytes()))
    assert pixels.nbytes / len(file) > 4


# --- Layout and threads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODEC_NAMES)
def test_any_strides(codec: str) -> None:
    whole = torch.from_numpy(samples.mask((40, 36), "i2"))
    for view in (whole.T, whole[::3, 1::2], whole[:1].expand(9, 36), whole.reshape(10, 4, 36).permute(2, 0, 1)):
        tile = [7] * view.dim()
        found, expected = (ops.compress_tiles(image, codec, tile, NO_PARAMS) for image in (view, view.contiguous()))
        assert streams_of(found) == streams_of(expected)
    floats = torch.from_numpy(samples.holes((40, 36), "f4"))
    found, expected = (
        ops.quantize(image, [7, 40], 4.0, "SUBTRACTIVE_DITHER_1", 3) for image in (floats.T, floats.T.contiguous())
    )
    assert all(torch.equal(one.nan_to_num(7), other.nan_to_num(7)) for one, other in zip(found, expected))


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_threads_change_no_byte() -> None:
    """Of images that are large enough for threads."""
    masks, floats = torch.from_numpy(samples.mask((299, 330), "i4")), torch.from_numpy(samples.holes((299, 330), "f4"))
    results = []
    for count in (1, 2, 2):
        torch.set_num_threads(count)
        found = [ops.compress_tiles(masks, codec, [2, 64], NO_PARAMS) for codec in CODEC_NAMES]
        found.append(ops.quantize(floats, [2, 64], 4.0, "SUBTRACTIVE_DITHER_2", 3))
        results.append([tensor.numpy().tobytes() for tensors in found for tensor in tensors])
    assert results[0] == results[1] == results[2]


# --- Errors, fakes, devices -------------------------------------------------------------------------------------------

INTS = torch.arange(12, dtype=torch.int16).reshape(3, 4)
SKY = torch.arange(12, dtype=torch.float32).reshape(3, 4)
COMPRESS_ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"codec": "RICE"}, r"codec is RICE; it must be RICE_1, GZIP_1, GZIP_2, HCOMPRESS_1, PLIO_1 or NOCOMPRESS"),
    ({"codec": ""}, "codec is ;"),
    ({"image": SKY}, r"RICE_1 codes uint8, int16 and int32, not Float; quantize makes int32 of floats"),
    ({"image": SKY.double(), "codec": "HCOMPRESS_1"}, r"HCOMPRESS_1 codes .*, not Double; quantize makes int32"),
    ({"image": SKY, "codec": "PLIO_1"}, r"PLIO_1 codes .*, not Float; quantize makes int32"),
    ({"image": INTS.long()}, r"RICE_1 codes .*, not Long; .* GZIP_2 keeps 64-bit integers"),
    ({"image": INTS.to(torch.uint16)}, r"image is UInt16; tiles hold stored values .*: unscale makes them"),
    ({"image": INTS.to(torch.int8), "codec": "GZIP_1"}, "image is Char; tiles hold stored values"),
    ({"image": SKY.half(), "codec": "GZIP_2"}, "image is Half; tiles hold stored values"),
    ({"image": INTS.bool()}, "compress_tiles: .*Bool"),
    ({"image": torch.tensor(3, dtype=torch.int16), "tile_shape": []}, "shape has 0 axes; from 1 to 16 are possible"),
    ({"image": INTS.reshape([1] * 15 + [3, 4]), "tile_shape": [1] * 17}, "shape has 17 axes; from 1 to 16"),
    ({"image": INTS[:0]}, r"shape is \[0, 4\]; an image of tiles has no axis below 1"),
    ({"tile_shape": [4]}, "shape has 2 axes and tile_shape 1"),
    ({"tile_shape": [1, 0]}, r"tile_shape is \[1, 0\]; a tile has no axis below 1"),
    ({"tile_shape": [-1, 4]}, r"tile_shape is \[-1, 4\]; a tile has no axis below 1"),
    ({"params": [0, 0, 0]}, "params has 3 numbers; it must have 4: BLOCKSIZE, BYTEPIX, SCALE, SMOOTH"),
    ({"params": [-1, 0, 0, 0]}, r"params\[0\], BLOCKSIZE, is -1"),
    ({"params": [2**31, 0, 0, 0]}, r"params\[0\], BLOCKSIZE, is 2147483648"),
    ({"params": [0, 3, 0, 0]}, r"params\[1\], BYTEPIX, is 3; it must be 1, 2 or 4"),
    ({"params": [0, 4, 0, 0]}, r"params\[1\], BYTEPIX, is 4; pixels of this image have 2 bytes"),
    ({"params": [0, 0, -1, 0]}, r"params\[2\], SCALE, is -1; it must not be negative"),
    ({"params": [0, 0, 2**31, 0], "codec": "HCOMPRESS_1"}, r"params\[2\], SCALE, is 2147483648"),
    ({"image": -INTS, "codec": "PLIO_1"}, "tile 0 holds values that PLIO_1 does not code: .* between 0 and 16777215"),
    ({"image": INTS.int() + 2**24 - 11, "codec": "PLIO_1"}, "tile 2 holds values that PLIO_1 does not code"),
]


@pytest.mark.parametrize("changed, says", COMPRESS_ERRORS, ids=[says[:40] for _, says in COMPRESS_ERRORS])
def test_what_compress_tiles_refuses(changed: dict[str, Any], says: str) -> None:
    sound = {"image": INTS, "codec": "RICE_1", "tile_shape": [1, 4], "params": NO_PARAMS}
    assert len(ops.compress_tiles(**sound)[1]) == 3
    with pytest.raises(ValueError, match=f"compress_tiles: .*{says}" if "compress" not in says else says):
        ops.compress_tiles(**{**sound, **changed})


@pytest.mark.usefixtures("threads")
def test_the_first_tile_that_cannot_be_coded_is_named() -> None:
    image = torch.zeros(400, 200, dtype=torch.int32)
    image[[77, 151, 390], 3] = -1
    for count in (1, 2):
        torch.set_num_threads(count)
        with pytest.raises(ValueError, match="compress_tiles: tile 77 holds values that PLIO_1 does not code"):
            ops.compress_tiles(image, "PLIO_1", [1, 200], NO_PARAMS)


QUANTIZE_ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"image": INTS}, "image is Short; it must be float32 or float64, integers are not quantised"),
    ({"image": SKY.half()}, "image is Half; it must be float32 or float64"),
    ({"image": SKY[:, :0]}, r"shape is \[3, 0\]; an image of tiles has no axis below 1"),
    ({"tile_shape": [4]}, "shape has 2 axes and tile_shape 1"),
    ({"tile_shape": [0, 4]}, "a tile has no axis below 1"),
    ({"level": NAN}, "level is nan; it must be finite"),
    ({"level": math.inf}, "level is inf; it must be finite"),
    ({"method": "DITHER"}, "method is DITHER; it must be"),
    ({"method": "NONE"}, "method is NONE"),
    ({"zdither0": 0}, "zdither0 is 0; with dithering it must be from 1 to 10000"),
    ({"zdither0": 10001, "method": "SUBTRACTIVE_DITHER_2"}, "zdither0 is 10001"),
]


@pytest.mark.parametrize("changed, says", QUANTIZE_ERRORS, ids=[says[:40] for _, says in QUANTIZE_ERRORS])
def test_what_quantize_refuses(changed: dict[str, Any], says: str) -> None:
    sound = {"image": SKY, "tile_shape": [3, 4], "level": 4.0, "method": "SUBTRACTIVE_DITHER_1", "zdither0": 1}
    assert ops.quantize(**sound)[0].shape == (1, 3, 4)
    with pytest.raises(ValueError, match=f"quantize: .*{says}"):
        ops.quantize(**{**sound, **changed})


def test_no_seed_without_dithering() -> None:
    found = [ops.quantize(SKY, [3, 4], -0.1, "NO_DITHER", seed) for seed in (0, 1, -5, 2**40)]
    assert all(torch.equal(one[0], found[0][0]) for one in found)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_tiles_are_made_on_the_host() -> None:
    with pytest.raises(ValueError, match=r"compress_tiles: image is on another device; .*\.cpu\(\)"):
        ops.compress_tiles(INTS.cuda(), "RICE_1", [1, 4], NO_PARAMS)
    with pytest.raises(ValueError, match=r"quantize: image is on another device; .*\.cpu\(\)"):
        ops.quantize(SKY.cuda(), [1, 4], 4.0, "NO_DITHER", 0)


@pytest.mark.parametrize("layout", ["odd", "one pixel", "1-D", "4-D"])
def test_fakes(layout: str) -> None:
    """Shapes, dtypes and strides are known without running; of the streams all but their length."""
    shape, tile = LAYOUTS[layout]
    tile = tuple(2 * part for part in tile)  # beyond the image, which cuts it
    image = torch.from_numpy(samples.sky(shape, "f4"))
    real = [*ops.compress_tiles(image, "GZIP_2", tile, NO_PARAMS), *ops.quantize(image, tile, 4.0, "NO_DITHER", 0)]
    mode = FakeTensorMode(shape_env=ShapeEnv())
    with mode:
        dummy = mode.from_tensor(image)
        fake = [*ops.compress_tiles(dummy, "GZIP_2", tile, NO_PARAMS), *ops.quantize(dummy, tile, 4.0, "NO_DITHER", 0)]
    assert [(one.dtype, one.stride(), one.device) for one in fake] == [
        (one.dtype, one.stride(), one.device) for one in real
    ]
    assert [one.shape for one in fake[1:]] == [one.shape for one in real[1:]]
    assert fake[0].dim() == 1
