"""The compressed images of tests/data/tiles, by every reader: see tests/data/tiles/README.md and make_tiles.py."""

from __future__ import annotations

import gzip
import importlib.util
import io
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tile_samples as samples
import torch
from astropy.io import fits
from astropy.io.fits.hdu.compressed._compression import CfitsioException
from operator_samples import as_tensor

import torchfits  # noqa: F401

ops = torch.ops.fits
DATA = Path(__file__).with_name("data")
NAMES = sorted(path.name.removesuffix(".fits.gz") for path in (DATA / "tiles").glob("*.fits.gz"))
# Who reads a case in another way, or not at all; the README says what, and why the expected values are right.
ASTROPY_DIFFERS = {"plio_unsigned", "scale_keywords", "shared_stream", "three_columns_of_tiles"}
CFITSIO_DIFFERS = {
    "gzip_fallback", "gzip_tile_of_integers", "integers_of_64_bits", "nocompress", "parameters_in_any_order",
    "parameters_missing", "scale_keywords", "three_columns_of_tiles", "uncompressed_tile",
}  # fmt: skip


def _made() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_tiles", DATA / "make_tiles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = _made()
EXPECTED = dict(np.load(DATA / "tiles/expected.npz"))


def stored(name: str) -> bytes:
    return gzip.decompress((DATA / "tiles" / f"{name}.fits.gz").read_bytes())


def assert_same(found: torch.Tensor, expected: np.ndarray) -> None:
    values = found.numpy()
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)
    assert samples.same_bits(values, expected)  # zeros have their sign


def test_the_script_makes_these_files() -> None:
    assert set(NAMES) == set(MADE.CASES) == set(EXPECTED)
    for name, make in MADE.CASES.items():
        data, expected = make()
        assert data == stored(name), name
        assert samples.same_bits(expected, EXPECTED[name]), name


def test_the_files_are_small() -> None:
    sizes = {name: len(stored(name)) for name in NAMES}
    assert max(sizes.values()) <= 20_000
    assert sum(path.stat().st_size for path in (DATA / "tiles").iterdir()) < 300_000


def test_random_numbers_are_those_of_the_standard() -> None:
    """The last seed is checked where they are made; the first is 16807 / (2^31 - 1)."""
    numbers = MADE.random_numbers()
    assert len(numbers) == 10000
    assert numbers[0] == np.float32(16807 / 2147483647)
    assert numbers[-1] == np.float32(1043618065 / 2147483647)


@pytest.mark.parametrize("form", ["path", "gzipped path", "bytes", "gzipped bytes"])
@pytest.mark.parametrize("name", NAMES)
def test_read_image(name: str, form: str, tmp_path: Path) -> None:
    data = (DATA / "tiles" / f"{name}.fits.gz").read_bytes() if form.startswith("gzipped") else stored(name)
    source: Any = as_tensor(data)
    if form.endswith("path"):
        path = tmp_path / "image.fits"
        path.write_bytes(data)
        source = str(path)
    expected = EXPECTED[name]
    assert_same(ops.read_image(source, 1), expected)
    rows, columns = expected.shape
    for start, size in (([0, 0], [rows, columns]), ([1, columns // 3], [rows - 1, columns // 2]), ([1, 1], [1, 1])):
        window = expected[start[0] : start[0] + size[0], start[1] : start[1] + size[1]]
        assert_same(ops.read_section(source, 1, start, size), window)
    with np.errstate(over="ignore"):
        assert_same(ops.read_image(source, 1, dtype=torch.float32), expected.astype("f4"))


@pytest.mark.parametrize("name", NAMES)
def test_batches(name: str) -> None:
    """The same from packed bytes; beside a file that is not there, whole."""
    expected = EXPECTED[name].astype("f8")
    data, file = stored(name), as_tensor(stored(name) * 2)
    offsets = torch.tensor([0, len(data), len(data), 2 * len(data)])
    images, _, status = ops.read_images(file, offsets, [1], expected.shape, dtype=torch.float64, strict=False)
    assert status.tolist() == [[0], [1], [0]]
    assert_same(images[0, 0], expected)
    assert_same(images[2, 0], expected)
    values = ops.read_images_ragged(file, offsets, [1], 2, dtype=torch.float64, strict=False)[0]
    assert_same(values.reshape(2, *expected.shape)[1], expected)


@pytest.mark.parametrize("form", ["path", "bytes"])
def test_a_tile_that_is_nowhere_is_an_error(form: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.fits"
    path.write_bytes(MADE.tile_that_is_nowhere())
    source: Any = str(path) if form == "path" else as_tensor(path.read_bytes())
    with pytest.raises(RuntimeError, match=r"\[1\].*tile 1"):
        ops.read_image(source, 1)
    first = ops.read_section(source, 1, [0, 0], [1, 20])  # it is only read where it is asked for
    assert first.isfinite().all()


# --- The other readers, so that what the README says of them stays true --------------------------------------------


def with_astropy(name: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = fits.getdata(io.BytesIO(stored(name)), 1)
    return data.astype(data.dtype.newbyteorder("="))


def with_cfitsio(name: str, folder: Path) -> np.ndarray:
    """Scaled, where there is no CFITSIO type for the result: it is asked for stored values."""
    path = folder / "image.fits"
    path.write_bytes(stored(name))
    values = samples._cfitsio_read(str(path), 1, nan=True)
    if name == "plio_unsigned":
        return (values.astype("i4") + 32768).astype("u2")
    if name == "zblank_of_integers":
        return np.where(values == -32768, np.nan, values).astype("f4")
    return values


@pytest.mark.parametrize("name", NAMES)
def test_astropy(name: str) -> None:
    try:
        agrees = samples.same_bits(with_astropy(name), EXPECTED[name])
    except (ValueError, RuntimeError, CfitsioException):
        agrees = False
    assert agrees == (name not in ASTROPY_DIFFERS)


@pytest.mark.parametrize("name", NAMES)
def test_cfitsio(name: str, tmp_path: Path) -> None:
    try:
        agrees = samples.same_bits(with_cfitsio(name, tmp_path), EXPECTED[name])
    except RuntimeError:
        agrees = False
    assert agrees == (name not in CFITSIO_DIFFERS)
