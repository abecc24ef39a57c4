"""Every real file of the test packages against astropy: structure, pixels and headers of every HDU, one test a file.

REFUSED says what no reader takes, and what is said about it; everything else must agree.
"""

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
import real_files as real
import torch
from astropy.io import fits

import torchfits  # noqa: F401  the operators

NAMES = sorted(name for name in real.real_files() if not name.endswith(".hdr"))

# Files no reader should take, with a part of what we say about them.
REFUSED: dict[str, str] = {
    "astropy/modeling/tests/data/idcompspec.fits": "does not begin with SIMPLE",  # an IRAF database in text
    "sunpy/data/test/not_actually_fits.fits": "does not begin with SIMPLE",
}


def astropy_hdus(path: Path) -> fits.HDUList:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hdus = fits.open(path, memmap=False)
        len(hdus)  # astropy reads lazily; structure that it cannot read shows here
        return hdus


def expected_pixels(hdu: fits.ImageHDU) -> np.ndarray | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = hdu.data
    if isinstance(hdu, fits.GroupsHDU):
        return None if data is None else np.asarray(data.data)
    return data


def assert_same_pixels(ours: torch.Tensor, theirs: np.ndarray) -> None:
    pixels = ours.numpy()
    assert pixels.dtype == theirs.dtype.newbyteorder("=")
    assert pixels.shape == theirs.shape
    if theirs.dtype.kind != "f":
        np.testing.assert_array_equal(pixels, theirs)
        return
    # astropy scales 8- and 16-bit integers in single precision, in two roundings; we in double, rounded once.
    np.testing.assert_allclose(pixels, theirs, rtol=3e-7 if theirs.dtype.itemsize == 4 else 1e-15, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_pixels_and_structure_as_astropy_gives_them(name: str) -> None:
    path = real.real_file(name)
    if name in REFUSED:
        with pytest.raises(RuntimeError, match=REFUSED[name]):
            torch.ops.fits.read_image(str(path))
        return
    data = torch.ops.fits.read_file(str(path))
    table = torch.ops.fits.hdus(str(path))
    assert torch.equal(table, torch.ops.fits.hdus.bytes(data))
    with astropy_hdus(path) as hdus:
        assert len(table) == len(hdus)
        for index, hdu in enumerate(hdus):
            if isinstance(hdu, fits.hdu.base._NonstandardHDU):
                continue  # SIMPLE = F: astropy looks no further
            if not hdu.is_image and not isinstance(hdu, fits.GroupsHDU):
                assert table[index, 0] in (1, 2, 5, 6)
                continue
            theirs = expected_pixels(hdu)
            if theirs is None or theirs.size == 0:
                continue
            ours = torch.ops.fits.read_image(str(path), index)
            assert_same_pixels(ours, theirs)
            assert list(ours.shape) == table[index, 6 : 6 + ours.ndim].tolist()
            if table[index, 0] != 3:
                from_bytes = torch.ops.fits.read_image.bytes(data, index)
                assert torch.equal(from_bytes.view(torch.uint8), ours.view(torch.uint8))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in REFUSED])
def test_headers_hold_astropys_cards(name: str) -> None:
    path = real.real_file(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with astropy_hdus(path) as hdus:
            for index, hdu in enumerate(hdus):
                if isinstance(hdu, fits.CompImageHDU) or torch.ops.fits.hdus(str(path))[index, 0] == 5:
                    continue  # tests/ops/test_compressed_header.py
                text = torch.ops.fits.header(str(path), index)
                ours = fits.Header.fromstring(text, sep="\n")
                if isinstance(hdu, fits.GroupsHDU):
                    # astropy orders GROUPS, PCOUNT and GCOUNT in its own way, and adds NAXIS1 where it is missing.
                    assert sorted({*ours, "NAXIS1"}) == sorted(set(hdu.header))
                else:
                    assert list(ours) == list(hdu.header)


@pytest.mark.parametrize("name", [n for n in NAMES if n.endswith(".fits") and n not in REFUSED][:40])
def test_gzipped_bytes_read_as_the_file(name: str) -> None:
    path = real.real_file(name)
    stream = gzip.compress(path.read_bytes(), 1)
    data = torch.frombuffer(bytearray(stream), dtype=torch.uint8)
    assert torch.equal(torch.ops.fits.hdus.bytes(data), torch.ops.fits.hdus(str(path)))
