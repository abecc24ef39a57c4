"""Files to measure on, made from a fixed seed, and what a right reader must find in them.

Written by hand in plain NumPy, so that the expected values come from none of the competitors.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

BLOCK = 2880
BITPIX = {"uint8": 8, "int16": 16, "int32": 32, "int64": 64, "float32": -32, "float64": -64}


def card(keyword: str, value: Any, comment: str = "") -> str:
    """One 80-character card in fixed format (FITS Standard 4.0, §4.2); HIERARCH for long names."""
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20}"
    elif isinstance(value, str):
        quoted = value.replace("'", "''")
        text = f"'{quoted:8s}'".ljust(20)
    else:
        text = f"{value!r:>20}".upper()
    name = f"{keyword:8s}= " if len(keyword) <= 8 and " " not in keyword else f"HIERARCH {keyword} = "
    if name.startswith("HIERARCH"):
        text = text.strip()
    line = name + text + (f" / {comment}" if comment else "")
    if len(line) > 80 and comment:
        line = line[:80]
    if len(line) > 80:
        raise ValueError(f"a card of {len(line)} characters: {line}")
    return line.ljust(80)


def header(cards: Sequence[str]) -> bytes:
    text = "".join(cards) + "END".ljust(80)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


def geometry(bitpix: int, shape: Sequence[int], extension: bool = False) -> list[str]:
    first = card("XTENSION", "IMAGE") if extension else card("SIMPLE", True, "conforms to FITS standard")
    axes = [card(f"NAXIS{number}", size) for number, size in enumerate(reversed(shape), 1)]
    counts = [card("PCOUNT", 0), card("GCOUNT", 1)] if extension else []
    return [first, card("BITPIX", bitpix, "bits per pixel"), card("NAXIS", len(shape)), *axes, *counts]


def hdu(stored: np.ndarray, cards: Sequence[str] = (), extension: bool = False) -> bytes:
    """Header and padded data unit of one image."""
    start = geometry(BITPIX[stored.dtype.name], stored.shape, extension)
    data = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    return header([*start, *cards]) + data + bytes(-len(data) % BLOCK)


def sky(shape: Sequence[int], dtype: str, seed: int = 1) -> np.ndarray:
    """A level with noise, as a detector gives it; floats keep noise in their last bits, integers span their middle."""
    random = np.random.default_rng(seed)
    values = random.standard_normal(tuple(shape), dtype=np.float32) * 20.0 + 120.0
    if dtype == "uint8":
        return np.clip(values, 0, 255).astype(np.uint8)
    if dtype in ("int32", "int64"):
        return values.astype(dtype) * (1 << 20)
    return values.astype(dtype)


def starry(shape: Sequence[int], seed: int = 1) -> np.ndarray:
    """A CCD exposure of float32: sky with noise of 10 ADU and a gradient, and a star on every 64 x 64 pixels or so."""
    random = np.random.default_rng(seed)
    height, width = shape
    values = random.standard_normal((height, width), dtype=np.float32) * 10 + 1000
    values += np.linspace(0, 50, width, dtype=np.float32)
    y, x = np.mgrid[-8:9, -8:9]
    profile = (1 + (x**2 + y**2) / 6.0) ** -2.5  # Moffat
    for _ in range(height * width // 4096):
        top, left = random.integers(0, height), random.integers(0, width)
        star = profile * 10 ** random.uniform(1.5, 4.3)
        values[top : top + 17, left : left + 17] += star[: height - top, : width - left]
    return values


def discs(shape: Sequence[int], seed: int = 1) -> np.ndarray:
    """A mask of int16: discs around bright stars with their flags, and bad columns."""
    random = np.random.default_rng(seed)
    height, width = shape
    mask = np.zeros((height, width), np.int16)
    mask[:, random.integers(0, width, 1 + width // 500)] = 1
    for _ in range(1 + height * width // 40000):
        radius = int(random.integers(3, 40))
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        top, left = random.integers(0, height), random.integers(0, width)
        patch = mask[top : top + 2 * radius + 1, left : left + 2 * radius + 1]
        inside = (x**2 + y**2 <= radius**2)[: patch.shape[0], : patch.shape[1]]
        patch[inside] |= np.int16(1 << random.integers(1, 7))
    return mask


def compress(path: Path, images: Sequence[np.ndarray], codec: str, tile: Sequence[int], **options: Any) -> None:
    """Each image as a tile-compressed extension, by CFITSIO (fitsio's names of codecs and options)."""
    import fitsio

    with fitsio.FITS(str(path), "rw", clobber=True) as file:
        for image in images:
            file.write(image, compress=codec, tile_dims=tuple(tile), **options)


def dequantised(path: Path) -> np.ndarray:
    """What a dithered float32 image in HDU 1 with row tiles holds, by the formula of FITS Standard 4.0, §10.2.1.

    The integers come out of the file as an image of their own; undefined pixels are NaN.
    """
    from astropy.io import fits

    with fits.open(path, disable_image_compression=True) as file:
        zscale, zzero = (file[1].data[name].astype(np.float64)[:, None] for name in ("ZSCALE", "ZZERO"))
    with fits.open(path, disable_image_compression=True) as file:  # anew: rows that were read would be written anew
        table = file[1]
        zdither0, zblank = table.header["ZDITHER0"], table.header.get("ZBLANK")
        assert table.header["ZQUANTIZ"] == "SUBTRACTIVE_DITHER_1"
        assert table.header["ZTILE2"] == 1
        for keyword in ("ZQUANTIZ", "ZDITHER0", "ZBLANK"):
            table.header.remove(keyword, ignore_missing=True)
        table.header["ZBITPIX"] = 32
        for number in range(1, table.header["TFIELDS"] + 1):
            if table.header[f"TTYPE{number}"] in ("ZSCALE", "ZZERO"):
                table.header[f"TTYPE{number}"] += "_HIDDEN"
        integers_path = path.with_name("integers.fits")
        file.writeto(integers_path, overwrite=True)
    integers = fits.getdata(integers_path, 1)
    integers_path.unlink()
    seed, numbers = 1, np.empty(10000, np.float32)
    for number in range(10000):
        seed = seed * 16807 % 2147483647
        numbers[number] = seed / 2147483647
    rows = (np.arange(len(integers)) + zdither0 - 1) % 10000
    starts = (numbers[rows] * 500).astype(int)
    places = starts[:, None] + np.arange(integers.shape[1])
    assert places.max() < 10000
    values = ((integers - numbers[places].astype(np.float64) + 0.5) * zscale + zzero).astype(np.float32)
    if zblank is not None:
        values[integers == zblank] = np.nan
    return values


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def stamps(count: int, seed: int = 2) -> tuple[list[bytes], torch.Tensor]:
    """Gzipped 63x63 float32 stamps as alert brokers send them (free-format logical, few cards), and their pixels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-31:32, -31:32]
    star = np.exp(-(x**2 + y**2) / 8.0)
    pixels = 250.0 + 15.0 * random.standard_normal((count, 63, 63)) + star * random.uniform(50, 5000, (count, 1, 1))
    pixels = pixels.astype(np.float32)
    cards = [
        "SIMPLE  =  T".ljust(80),
        card("BITPIX", -32),
        card("NAXIS", 2),
        card("NAXIS1", 63),
        card("NAXIS2", 63),
        card("BUNIT", "DN"),
    ]
    start = header(cards)
    blobs = []
    for stamp in pixels:
        data = stamp.astype(">f4").tobytes()
        blobs.append(gzip.compress(start + data + bytes(-len(data) % BLOCK), mtime=0))
    return blobs, tensor(pixels)


def packed(blobs: Sequence[bytes]) -> tuple[torch.Tensor, torch.Tensor]:
    """Files end to end in one uint8 tensor, and where each begins."""
    offsets = np.concatenate([[0], np.cumsum([len(blob) for blob in blobs])])
    return torch.frombuffer(bytearray(b"".join(blobs)), dtype=torch.uint8), torch.from_numpy(offsets.astype(np.int64))


KEYS = ["EXPTIME", "GAIN", "CRVAL1", "MJD-OBS"]


def observation(number: int) -> tuple[list[str], dict[str, Any]]:
    """The cards of a typical reduced CCD exposure, some 170 of them, and their values without the commentary."""
    random = np.random.default_rng(1000 + number)
    values: dict[str, Any] = {
        "OBJECT": f"FIELD {number:06d}",
        "OBSERVER": "A. N. O'Observer",
        "TELESCOP": "1.2-m Schmidt",
        "INSTRUME": "MOSAIC",
        "FILTER": "r SDSS",
        "IMAGETYP": "object",
        "DATE-OBS": f"2024-03-{number % 28 + 1:02d}T05:{number % 60:02d}:17.345",
        "MJD-OBS": 60370.0 + round(float(random.uniform(0, 300)), 8),
        "EXPTIME": 30.0 + number % 7,
        "GAIN": round(float(random.uniform(1, 7)), 6),
        "RDNOISE": round(float(random.uniform(3, 12)), 6),
        "SATURATE": 65535,
        "AIRMASS": round(float(random.uniform(1, 2)), 6),
        "SHUTOPEN": True,
        "GUIDING": bool(number % 2),
        "RADESYS": "ICRS",
        "EQUINOX": 2000.0,
        "CTYPE1": "RA---TPV",
        "CTYPE2": "DEC--TPV",
        "CUNIT1": "deg",
        "CUNIT2": "deg",
        "CRPIX1": 1536.5,
        "CRPIX2": 1540.5,
        "CRVAL1": round(float(random.uniform(0, 360)), 10),
        "CRVAL2": round(float(random.uniform(-30, 80)), 10),
        "CD1_1": -2.8e-04 * (1 + number * 1e-6),
        "CD1_2": 3.1e-07,
        "CD2_1": 2.9e-07,
        "CD2_2": 2.8e-04,
    }
    for axis in (1, 2):
        for term in range(20):
            values[f"PV{axis}_{term}"] = float(random.normal() * 10.0 ** -(term % 9))
    for amplifier in range(1, 9):
        values[f"BIAS{amplifier}"] = round(float(random.uniform(900, 1100)), 4)
        values[f"DSEC{amplifier}"] = f"[{amplifier * 512 - 511}:{amplifier * 512},1:4096]"
        values[f"NSAT{amplifier}"] = int(random.integers(0, 4000))
    for sensor in range(30):
        values[f"TEMP{sensor:02d}"] = round(float(random.uniform(-120, 25)), 3)
    for word in ("DETECTOR CHIP TEMPERATURE", "TELESCOPE FOCUS POSITION", "DOME AZIMUTH ANGLE", "ADAPTER STATUS WORD"):
        for unit in (1, 2, 3):
            values[f"ESO {word} {unit}"] = round(float(random.uniform(-50, 360)), 4)
    cards = []
    for count, (key, value) in enumerate(values.items()):
        cards.append(card(key, value, "as measured at mid-exposure" if count % 3 == 0 else ""))
        if count % 12 == 11:
            cards.append("COMMENT ---- next group of keywords, written by the data acquisition system".ljust(80))
    history = "overscan, bias, flat field and fringe correction applied"
    cards += [f"HISTORY step {step:02d}: {history}".ljust(80) for step in range(12)]
    return cards, values


def observation_file(path: Path, number: int) -> dict[str, Any]:
    """Writes one exposure; returns every keyword's value as a typed Python object."""
    cards, values = observation(number)
    path.write_bytes(hdu(sky((64, 64), "float32", number), cards))
    return {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": 64, "NAXIS2": 64, **values}
