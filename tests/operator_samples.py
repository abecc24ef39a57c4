"""FITS files made on the spot, astropy's reading of them, and for every operator the arguments of one sample call.

Files are put together from cards and big-endian values here, so that no writer decides what a test is about.
"""

from __future__ import annotations

import functools
import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from astropy.io import fits
from table_files import PRIMARY, compressed_table, plain_table

import torchfits  # noqa: F401  registers the operators

BLOCK = 2880


def hdu_bytes(stored: np.ndarray | None, *, primary: bool = True, **cards: Any) -> bytes:
    """One image HDU: ``stored`` values under a header with ``cards``; None: NAXIS = 0."""
    naxes = [] if stored is None else list(reversed(stored.shape))
    kind = "u1" if stored is None else stored.dtype.str[1:]
    header = fits.Header()
    header["SIMPLE" if primary else "XTENSION"] = True if primary else "IMAGE"
    header["BITPIX"] = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}[kind]
    header["NAXIS"] = len(naxes)
    for axis, length in enumerate(naxes, 1):
        header[f"NAXIS{axis}"] = length
    if not primary:
        header["PCOUNT"], header["GCOUNT"] = 0, 1
    for key, value in cards.items():
        header[key] = value
    data = b"" if stored is None else stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    return header.tostring().encode() + data + bytes(-len(data) % BLOCK)


def astropy_image(file: bytes, hdu: int = 0, scaled: bool = True) -> np.ndarray:
    """What astropy reads, in native byte order."""
    with fits.open(io.BytesIO(file), do_not_scale_image_data=not scaled) as hdus:
        data = hdus[hdu].data
        return data.astype(data.dtype.newbyteorder("="))


def packed(files: Sequence[bytes]) -> tuple[torch.Tensor, torch.Tensor]:
    """Files laid end to end, and where each begins."""
    data = torch.frombuffer(bytearray(b"".join(files) or b"\0"), dtype=torch.uint8)[: sum(map(len, files))]
    return data, torch.tensor(np.cumsum([0, *map(len, files)]), dtype=torch.int64)


def as_tensor(file: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(file), dtype=torch.uint8)


@dataclass(frozen=True)
class Convention:
    """A BITPIX and what its header says of scaling."""

    name: str
    kind: str
    cards: dict[str, Any]

    def stored(self, shape: Sequence[int], seed: int = 0) -> np.ndarray:
        """Random values of the whole range, with extremes, BLANK and the special floats among them."""
        size = int(np.prod(shape))
        random = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        dtype = np.dtype(self.kind)
        if dtype.kind == "f":
            special = [np.nan, np.inf, -np.inf, -0.0, 1e-40, 3e38, 0.1]
            values = random.normal(0, 1000, size).astype(dtype)
        else:
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
            special = [low, high, low + 1, high - 1, 0, 1]
            special += [self.cards[key] for key in self.cards if key == "BLANK"]
            values = random.integers(low, high, size, dtype=dtype, endpoint=True)
        places = random.permutation(size)[: len(special)]
        values[places] = np.array(special, dtype=dtype)[: len(places)]
        return values.reshape(shape)

    def file(self, shape: Sequence[int], seed: int = 0) -> bytes:
        return hdu_bytes(self.stored(shape, seed), **self.cards)


CONVENTIONS = [
    Convention("8", "u1", {}),
    Convention("8-signed", "u1", {"BZERO": -128}),
    Convention("8-scaled", "u1", {"BSCALE": 0.5, "BZERO": 10.0}),
    Convention("8-blank", "u1", {"BLANK": 255}),
    Convention("16", "i2", {}),
    Convention("16-unsigned", "i2", {"BZERO": 32768}),
    Convention("16-scaled", "i2", {"BSCALE": 0.013, "BZERO": -7.7}),
    Convention("16-blank", "i2", {"BLANK": -32768}),
    Convention("16-blank-scaled", "i2", {"BLANK": -32768, "BSCALE": 3.0, "BZERO": 1.5}),
    Convention("32", "i4", {}),
    Convention("32-unsigned", "i4", {"BZERO": 2147483648}),
    Convention("32-scaled", "i4", {"BSCALE": 1e-7, "BZERO": 0.25}),
    Convention("32-blank", "i4", {"BLANK": 7}),
    Convention("64", "i8", {}),
    Convention("64-unsigned", "i8", {"BZERO": 9223372036854775808}),
    Convention("64-scaled", "i8", {"BSCALE": 2.0, "BZERO": 1.0}),
    Convention("64-blank", "i8", {"BLANK": -9}),
    Convention("-32", "f4", {}),
    Convention("-32-scaled", "f4", {"BSCALE": 0.1, "BZERO": 5.0}),
    Convention("-64", "f8", {}),
    Convention("-64-scaled", "f8", {"BSCALE": -2.5, "BZERO": 1.0}),
]


# One image, for tests to which any will do.
PIXELS = hdu_bytes(np.arange(24, dtype="f4").reshape(4, 6))


class Files:
    """A folder of files for sample calls, and the same as bytes. Another ``version``, written to the same paths, holds
    other sizes and values."""

    def __init__(self, folder: Path, version: int = 0, count: int = 3) -> None:
        self.folder = folder
        self.version = version
        folder.mkdir(exist_ok=True)
        self.files = [self._file(item) for item in range(count)]
        self.paths = [str(folder / f"{item}.fits") for item in range(count)]
        for path, file in zip(self.paths, self.files):
            Path(path).write_bytes(file)
        self.path = self.paths[0]
        self.utf8 = as_tensor(self.path.encode())
        self.data = as_tensor(self.files[0])
        self.packed, self.offsets = packed(self.files)
        table = self._table()
        self.table_path = str(folder / "table.fits")
        Path(self.table_path).write_bytes(table)
        self.table_data = as_tensor(table)

    def _file(self, item: int) -> bytes:
        """An image of single precision, with one of scaled integers behind it; every second file gzipped."""
        random = np.random.default_rng([self.version, item])
        height, width = 5 + (self.version + item) % 4, 9 - item % 3
        first = random.normal(size=(height, width)).astype("f4")
        second = random.integers(-999, 999, (width, height), dtype="i2")
        exposure = 30.5 + item + self.version
        sky = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": exposure, "CDELT1": -0.01, "CDELT2": 0.01}
        file = hdu_bytes(first, EXPTIME=exposure, GAIN=2, FLAG=True, OBJECT="M 13", **sky)
        file += hdu_bytes(second, primary=False, BSCALE=0.1, BZERO=3.0, EXTNAME="ERR", EXTVER=1 + item, EXPTIME=7.5)
        return gzip.compress(file, 1, mtime=0) if item % 2 else file

    @property
    def corners(self) -> torch.Tensor:
        """Of two cutouts a file: one inside its images, one that reaches outside."""
        return torch.tensor([[1, 2], [-1 - self.version, 3]]).repeat(len(self.files), 1)

    @property
    def places(self) -> torch.Tensor:
        """The corners as coordinates of their files."""
        wcs = self.wcs[self.index]
        return torch.ops.fits.pixel_to_world(self.corners.flip(-1).double()[:, None], wcs)[:, 0]

    @property
    def index(self) -> torch.Tensor:
        return torch.arange(2 * len(self.files)) % len(self.files)

    @functools.cached_property
    def compressed(self) -> torch.Tensor:
        """A file with a tile-compressed image in HDU 1: of single precision, dithered, its first pixel undefined."""
        image = np.random.default_rng(self.version).normal(5, 100, (13, 11)).astype("f4")
        image[0, 0] = np.nan
        hdu = fits.CompImageHDU(image, tile_shape=(4, 11), quantize_method=2, dither_seed=7)
        file = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
        return as_tensor(file.getvalue())

    @property
    def compressed_path(self) -> str:
        path = self.folder / "compressed.fits"
        path.write_bytes(self.compressed.numpy().tobytes())
        return str(path)

    @property
    def tiles(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return torch.ops.fits.read_tiles(self.compressed, 1)

    @property
    def integers(self) -> tuple[torch.Tensor, ...]:
        """Quantised tiles, and what makes floats of them; ZBLANK is none of theirs."""
        tiles = torch.arange(-90, 90, dtype=torch.int32).reshape(4, 5, 9) * (1 + self.version)
        return (
            tiles,
            torch.full([4], 0.25).double(),
            torch.arange(4).double(),
            torch.arange(4),
            torch.full([4], 1e6).double(),
        )

    def _table(self) -> bytes:
        """A compressed table, the same as it was, and one with names, scaling, nulls and arrays of more axes."""
        count = 17 + self.version
        heap = np.random.default_rng(self.version).integers(0, 9, 12 * count, np.uint8).tobytes()
        numbers = np.arange(3 * count, dtype=">i4").reshape(count, 3)
        descriptors = np.array([(3, 12 * row) for row in range(count)], ">i4")
        rows = np.concatenate([numbers.view(np.uint8), descriptors.view(np.uint8)], axis=1)
        tforms = ["3J", "PJ(3)"]
        file = PRIMARY + compressed_table(tforms, ["GZIP_2"] * 2, rows, heap, tile=5) + plain_table(tforms, rows, heap)
        cells = np.random.default_rng(self.version).integers(65, 70, (count, 2 + 5 + 2 + 6), np.uint8)
        named = {"TTYPE1": "FLUX", "TSCAL1": 0.5, "TZERO1": 2.0, "TTYPE2": "S", "TTYPE3": "N", "TNULL3": 16962}
        named |= {"TTYPE4": "M", "TDIM4": "(3,2)"}
        return file + plain_table(["I", "5A", "I", "6L"], cells, **named)

    @property
    def sky(self) -> torch.Tensor:
        return torch.from_numpy(np.random.default_rng(self.version).normal(5, 100, (13, 11)).astype("f4"))

    @property
    def raw(self) -> torch.Tensor:
        return torch.arange(24, dtype=torch.uint8) * (3 + self.version)

    @property
    def stored(self) -> torch.Tensor:
        return torch.arange(-6, 6, dtype=torch.int16).reshape(3, 4) * (1 + self.version)

    @property
    def wcs(self) -> torch.Tensor:
        return torch.ops.fits.wcs_from_files(self.packed, self.offsets, 0)

    @property
    def pixels(self) -> torch.Tensor:
        return torch.arange(len(self.files) * 600.0, dtype=torch.float64).reshape(-1, 300, 2) / 7

    @property
    def planes(self) -> torch.Tensor:
        """An image for each WCS, and north-up stamps of them."""
        return torch.arange(len(self.files) * 99.0).reshape(-1, 9, 11).sin()

    @property
    def stamps(self) -> torch.Tensor:
        return torch.ops.fits.wcs_tan(self.centers, [7, 8], 0.012)

    @property
    def centers(self) -> torch.Tensor:
        middle = torch.tensor([[5.2, 3.9]]).expand(len(self.files), -1)
        return torch.ops.fits.pixel_to_world(middle, self.wcs)

    @property
    def headers(self) -> list[str]:  # of every version: a string is a constant of a graph
        return [f"{'SIMPLE':8}= {'T':>20}".ljust(80) + f"{'GAIN':8}= {2.5:>20}".ljust(80)]

    @property
    def linear_headers(self) -> list[str]:  # torch (2.13) exports no str input that has quotes in it
        return ["CRPIX2  = 4.5".ljust(80) + "CDELT1  = 0.25".ljust(80), "CRVAL3  = 1.4E9"]


Call = tuple[tuple[Any, ...], dict[str, Any]]

KEYS = ["EXPTIME", "GAIN", "flag", "NAXIS"]
_IMAGES = {"fill": -1.0, "centered": True, "strict": False}

# One call of every overload, with no NaN in what it returns (opcheck compares without equal_nan). A new operator
# without its line here fails test_every_overload_has_a_sample.
SAMPLES: dict[str, Callable[[Files], Call]] = {
    "read_file": lambda f: ((f.path,), {}),
    "read_file.utf8": lambda f: ((f.utf8,), {}),
    "header": lambda f: ((f.path, 1), {"stored": True}),
    "header.bytes": lambda f: ((f.data, 1), {"stored": False}),
    "headers": lambda f: ((f.paths, 1), {"stored": False}),
    "header_text": lambda f: ((f.path, 1), {"stored": True}),
    "header_text.bytes": lambda f: ((f.data, 0), {"stored": False}),
    "header_texts": lambda f: ((f.paths, 1), {"stored": False}),
    "header_texts.packed": lambda f: ((f.packed, f.offsets, 1), {"stored": False}),
    "cards": lambda f: ((f.headers,), {}),
    "cards.packed": lambda f: (torch.ops.fits.header_texts(f.packed, f.offsets, 0), {}),
    "header_values": lambda f: ((f.path, 0, KEYS), {}),
    "header_values.bytes": lambda f: ((f.data, 0, KEYS), {}),
    "header_values.paths": lambda f: ((f.paths, 0, KEYS), {}),
    "header_values.packed": lambda f: ((f.packed, f.offsets, 0, KEYS), {}),
    "header_values_status.paths": lambda f: ((f.paths, 0, KEYS), {}),
    "header_values_status.packed": lambda f: ((f.packed, f.offsets, 0, KEYS), {}),
    "hdus": lambda f: ((f.path,), {}),
    "hdus.bytes": lambda f: ((f.data,), {}),
    "hdu_names": lambda f: ((f.path,), {}),
    "hdu_names.bytes": lambda f: ((f.data,), {}),
    "read_image": lambda f: ((f.path, 0), {"dtype": None, "scaled": True}),
    "read_image.bytes": lambda f: ((f.data, 1), {"dtype": torch.float64, "naxis": 2}),
    "read_section": lambda f: ((f.path, 1, [1, 0], [3, 4]), {"dtype": None, "scaled": True}),
    "read_section.bytes": lambda f: ((f.data, 0, [2, 1], [1, 5]), {"dtype": torch.float32}),
    "read_images": lambda f: (([*f.paths, "missing.fits"], [0, 1], [6, 7]), _IMAGES),
    "read_images.packed": lambda f: ((f.packed, f.offsets, [0, 1, 2], [6, 7]), _IMAGES),
    "read_images_ragged": lambda f: ((f.paths, [1, 0], 2), {"dtype": torch.float64}),
    "read_images_ragged.packed": lambda f: ((f.packed, f.offsets, [0, 1, 2], 2), {"strict": False}),
    "read_cutouts": lambda f: ((f.path, [1, 0], f.corners, [3, 4]), {"fill": -1.0, "dtype": None}),
    "read_cutouts.bytes": lambda f: ((f.data, [0], f.corners, [3, 4]), {"fill": 2.5, "dtype": torch.float64}),
    "read_cutouts.paths": lambda f: ((f.paths, f.index, [0, 1], f.corners, [3, 4]), {"fill": -1.0}),
    "read_cutouts.packed": lambda f: (
        (f.packed, f.offsets, f.index, [0, 1], f.corners, [3, 4]),
        {"fill": None, "dtype": torch.int16},
    ),
    "read_cutouts_status.paths": lambda f: (
        ([*f.paths, "missing.fits"], f.index + 1, [0, 1], f.corners, [3, 4]),
        {"fill": -1.0},
    ),
    "read_cutouts_status.packed": lambda f: (
        (f.packed, f.offsets, f.index, [0, 2], f.corners, [3, 4]),
        {"fill": -1.0, "dtype": None},
    ),
    "read_cutouts_sky": lambda f: ((f.path, [1, 0], f.places, f.wcs[0], [3, 4]), {"fill": -1.0, "dtype": None}),
    "read_cutouts_sky.bytes": lambda f: (
        (f.data, [0], f.places, f.wcs[0], [3, 4]),
        {"fill": 2.5, "dtype": torch.float64},
    ),
    "read_cutouts_sky.paths": lambda f: ((f.paths, f.index, [0, 1], f.places, f.wcs, [3, 4]), {"fill": -1.0}),
    "read_cutouts_sky.packed": lambda f: (
        (f.packed, f.offsets, f.index, [0, 1], f.places, f.wcs, [3, 4]),
        {"fill": None, "dtype": torch.int16},
    ),
    "read_tiles": lambda f: ((f.compressed_path, 1), {"tiles": torch.tensor([3, 0, 3])}),
    "read_tiles.bytes": lambda f: ((f.compressed, 1), {"tiles": None}),
    "decode_tiles": lambda f: (
        (*f.tiles, [4, 11], [13, 11], -32, "SUBTRACTIVE_DITHER_1", 7, [32, 4, 0, 0]),
        {"start": [1, 0], "size": [12, 10], "bscale": 2.0, "bzero": 1.5, "blank": None, "dtype": torch.float32},
    ),
    "decode_tiles_status": lambda f: (
        (*f.tiles, [4, 11], [13, 11], -32, "SUBTRACTIVE_DITHER_1", 7, [32, 4, 0, 0]),
        {"start": [1, 0], "size": [12, 10], "bscale": 2.0, "bzero": 1.5, "blank": None, "dtype": torch.float32},
    ),
    "decompress_tiles": lambda f: ((*f.tiles[:2], [4, 11], [13, 11], 32, [32, 4, 0, 0]), {}),
    "dequantize": lambda f: (
        (*f.integers[:3], "SUBTRACTIVE_DITHER_2", 3, *f.integers[3:]),
        {"dtype": torch.float64},
    ),
    "assemble_tiles": lambda f: ((f.integers[0].float(), [5, 9], [10, 17]), {"start": [2, 1], "size": [8, 16]}),
    "compress_tiles": lambda f: ((f.stored, "RICE_1", [2, 3], [16, 0, 0, 0]), {}),
    "quantize": lambda f: ((f.sky, [4, 11], 4.0, "SUBTRACTIVE_DITHER_1", 7), {}),
    "read_row_bytes": lambda f: ((f.table_path, 1, 2, -1), {}),
    "read_row_bytes.bytes": lambda f: ((f.table_data, 2, -9, None), {}),
    "read_heap_bytes": lambda f: ((f.table_path, 1), {}),
    "read_heap_bytes.bytes": lambda f: ((f.table_data, 2), {}),
    "read_columns": lambda f: ((f.table_path, 3, ["flux", "S", "#3"], 1, -1), {}),
    "read_columns.bytes": lambda f: (
        (f.table_data, 1, []),
        {"start": 2, "stop": None, "expected": "int32 2"},
    ),
    "read_rows": lambda f: ((f.table_path, 1, torch.tensor([3, -1, 3, 0]), ["#1"]), {}),
    "read_rows.bytes": lambda f: (
        (f.table_data, 3, torch.tensor([5, 1]), ["FLUX", "M"]),
        {"expected": "float64 1, bool 3"},
    ),
    "read_null_mask": lambda f: ((f.table_path, 3, ["S", "N", "FLUX"]), {"start": 0, "stop": 9}),
    "read_null_mask.bytes": lambda f: ((f.table_data, 3, ["N"]), {"expected": "bool 1"}),
    "decode_columns": lambda f: (
        (torch.ops.fits.read_row_bytes(f.table_path, 3), ["I", "5A", "I", "6L"], [3, 0, 1, 2, 0]),
        {"tscal": [0.5, 1.0, 1.0, 1.0], "tzero": [2.0, 0.0, 32768.0, 0.0]},
    ),
    "filter_rows": lambda f: ((f.table_path, 3, "flux > 8000 && M[1,2] == F || #row == 2", 1, -1), {}),
    "filter_rows.bytes": lambda f: ((f.table_data, 1, "sum($#1$) % 2 == 0"), {"start": 0, "stop": None}),
    "read_ragged": lambda f: ((f.table_path, 1, "#2", 3, None), {}),
    "read_ragged.bytes": lambda f: ((f.table_data, 2, "#2"), {"expected": "int32 1"}),
    "unpack": lambda f: ((f.raw, 16, [3, 4]), {}),
    "scale": lambda f: ((f.stored, 0.5, 3.0, 1000), {"dtype": torch.float32}),
    "wcs_from_header": lambda f: ((f.linear_headers[0],), {"alt": ""}),
    "wcs_from_headers": lambda f: ((f.linear_headers,), {"alt": ""}),
    "wcs_from_file": lambda f: ((f.path, 0), {}),
    "wcs_from_file.bytes": lambda f: ((f.data, 0), {}),
    "wcs_from_files.packed": lambda f: ((f.packed, f.offsets, 0), {}),
    "wcs_from_files": lambda f: ((f.paths, 0), {}),
    "pixel_to_world": lambda f: ((f.pixels, f.wcs), {}),
    "world_to_pixel": lambda f: ((f.pixels / 100 + 30, f.wcs), {}),
    "pixel_to_world_status": lambda f: ((f.pixels, f.wcs), {}),
    "world_to_pixel_status": lambda f: ((f.pixels / 100 + 30, f.wcs), {}),
    "wcs_jacobian": lambda f: ((f.pixels, f.wcs), {}),
    "pixel_to_pixel": lambda f: ((f.pixels, f.wcs, f.wcs.flip(0)[:1].expand(len(f.wcs), -1)), {}),
    "wcs_footprint": lambda f: ((f.wcs, [5, 9]), {"per_side": 3}),
    "wcs_crop": lambda f: ((f.wcs, torch.tensor([3, -1])), {"step": [2, 1]}),
    "wcs_to_header": lambda f: ((f.wcs[0],), {}),
    "wcs_header_text": lambda f: ((f.wcs[0],), {}),
    "wcs_update": lambda f: ((f.wcs,), {}),
    "pixel_to_world_backward": lambda f: ((f.pixels / 30, f.pixels, f.wcs), {"of_pixel": True, "of_wcs": True}),
    "pixel_to_world_double_backward": lambda f: ((f.pixels / 30, f.pixels, f.wcs, f.pixels / 10, f.wcs / 50), {}),
    "wcs_tan": lambda f: ((f.centers, [7, 8], 0.012, f.wcs), {}),
    "resample": lambda f: ((f.planes, f.wcs, f.stamps, [7, 8], "bicubic"), {"fill": 0.0}),
    "resample_backward": lambda f: ((f.planes[:, 1:8, :8], f.wcs, f.stamps, [9, 11], "area"), {}),
    "unscale": lambda f: ((f.stored.to(torch.float32), 0.5, 3.0, None, 16), {}),
}


def overload(name: str) -> Any:
    """``torch.ops.fits`` overload by its name in SAMPLES."""
    packet, _, form = name.partition(".")
    return getattr(getattr(torch.ops.fits, packet), form or "default")


def overload_names() -> list[str]:
    """Every overload that the libraries register."""
    names = torch._C._dispatch_get_all_op_names()
    return sorted(name.removeprefix("fits::") for name in names if name.startswith("fits::"))
