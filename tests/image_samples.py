"""Small FITS files of every kind of image, written by astropy, with what astropy reads from them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from astropy.io import fits

rng = np.random.default_rng(3)


def integers(dtype: str, shape: tuple[int, ...] = (5, 7)) -> np.ndarray:
    """Random values of an integer type with its extremes among them."""
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    values.flat[:4] = [info.min, info.max, 0, 1]
    return values


def floats(dtype: str, shape: tuple[int, ...] = (5, 7)) -> np.ndarray:
    values = rng.normal(size=shape).astype(dtype)
    values.flat[:5] = [np.nan, np.inf, -np.inf, -0.0, np.finfo(dtype).tiny / 2]
    return values


def scaled(hdu: fits.PrimaryHDU, **keywords: float) -> fits.PrimaryHDU:
    """The same stored values, with BSCALE, BZERO or BLANK in the header."""
    hdu.header.update(keywords)
    return hdu


def random_groups() -> fits.GroupsHDU:
    data = rng.normal(size=(6, 2, 3, 4)).astype("f4")
    groups = fits.GroupData(data, parnames=["UU", "VV"], pardata=[np.arange(6.0), np.arange(6.0) / 2], bitpix=-32)
    return fits.GroupsHDU(groups)


IMAGES: dict[str, Callable[[], fits.PrimaryHDU]] = {
    **{dtype: (lambda dtype=dtype: fits.PrimaryHDU(integers(dtype))) for dtype in ("u1", "i2", "i4", "i8")},
    **{
        f"convention {dtype}": (lambda dtype=dtype: fits.PrimaryHDU(integers(dtype)))
        for dtype in ("i1", "u2", "u4", "u8")
    },
    **{dtype: (lambda dtype=dtype: fits.PrimaryHDU(floats(dtype))) for dtype in ("f4", "f8")},
    **{
        f"scaled {dtype}": (
            lambda dtype=dtype: scaled(fits.PrimaryHDU(integers(dtype)), BSCALE=0.25, BZERO=7.5, BLANK=1)
        )
        for dtype in ("u1", "i2", "i4", "i8")
    },
    # astropy scales single precision in single precision: with a power of two that rounds nothing away.
    "scaled f4": lambda: scaled(fits.PrimaryHDU(floats("f4")), BSCALE=-0.5),
    "scaled f8": lambda: scaled(fits.PrimaryHDU(floats("f8")), BSCALE=3.0, BZERO=0.1),
    "BZERO alone": lambda: scaled(fits.PrimaryHDU(integers("i2")), BZERO=100.0),
    "BLANK alone": lambda: scaled(fits.PrimaryHDU(integers("i2")), BLANK=-32768),
    "convention u2 with BLANK": lambda: scaled(fits.PrimaryHDU(integers("i2")), BSCALE=1, BZERO=32768, BLANK=-32768),
    **{f"{n}-D": (lambda n=n: fits.PrimaryHDU(integers("i2", (2, 3, 4, 5, 6)[-n:]))) for n in (1, 3, 4, 5)},
    "one pixel": lambda: fits.PrimaryHDU(np.array([[42.0]], dtype="f4")),
    "random groups": random_groups,
}

COMPRESSED: dict[str, Callable[[], fits.CompImageHDU]] = {
    "RICE_1 i2": lambda: fits.CompImageHDU(integers("i2", (40, 50)), compression_type="RICE_1"),
    "RICE_1 convention u2": lambda: fits.CompImageHDU(integers("u2", (40, 50)), compression_type="RICE_1"),
    "RICE_1 quantised f4": lambda: fits.CompImageHDU(rng.normal(size=(40, 50)).astype("f4"), compression_type="RICE_1"),
    "GZIP_2 f4": lambda: fits.CompImageHDU(floats("f4", (40, 50)), compression_type="GZIP_2", quantize_level=0),
    "GZIP_1 f8": lambda: fits.CompImageHDU(floats("f8", (40, 50)), compression_type="GZIP_1", quantize_level=0),
    "HCOMPRESS_1 i4": lambda: fits.CompImageHDU(
        rng.integers(0, 1000, (40, 50), dtype="i4"), compression_type="HCOMPRESS_1"
    ),
    "PLIO_1 i2": lambda: fits.CompImageHDU(rng.integers(0, 9, (40, 50), dtype="i2"), compression_type="PLIO_1"),
}


def write_image(folder: Path, kind: str) -> Path:
    """A file with one image of a kind: in the primary HDU, or of compressed ones in HDU 1."""
    path = folder / "image.fits"
    if kind in IMAGES:
        IMAGES[kind]().writeto(path, output_verify="ignore")
    else:
        fits.HDUList([fits.PrimaryHDU(), COMPRESSED[kind]()]).writeto(path)
    return path


def write_mef(path: Path) -> Path:
    """Six HDUs: an empty primary, images with names and versions, a table, a compressed image."""
    table = fits.BinTableHDU.from_columns(
        [fits.Column("RA", "D", array=np.arange(5.0)), fits.Column("MAG", "E", array=np.arange(5.0))], name="CATALOG"
    )
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(rng.normal(size=(6, 8)).astype("f4"), name="SCI"),
        fits.ImageHDU(integers("u2", (6, 8)), name="SCI", ver=2),
        table,
        fits.ImageHDU(integers("i2", (3, 4, 5)), name="2MASS J-1.5+3"),
        fits.CompImageHDU(integers("i2", (20, 30)), name="DQ"),
    ]
    hdus[2].header["EXTNAME"] = "sci"  # which astropy capitalises where it can
    fits.HDUList(hdus).writeto(path)
    return path


def gzipped(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def astropy_data(path: Path, hdu: int | str | tuple[str, int] = 0) -> np.ndarray:
    """The image as astropy reads it, in native byte order; of random groups the arrays alone."""
    data = fits.getdata(path, hdu)
    if isinstance(data, fits.GroupData):
        data = data["DATA"]
    return data.astype(data.dtype.newbyteorder("="))


def assert_same(image: torch.Tensor, expected: np.ndarray) -> None:
    """The same shape, dtype and values, NaN where NaN is expected."""
    values = image.numpy()
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected, strict=True)
