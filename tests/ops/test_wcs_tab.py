"""-TAB axes (Paper III, section 6) of files: against astropy, from every kind of source, and what is refused."""

from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path
from typing import Any

import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import torchfits  # noqa: F401
from tests import table_files

DATA = Path(astropy.wcs.__file__).parent / "tests/data"
Numbers = NDArray[np.float64]

pixel_to_world = torch.ops.fits.pixel_to_world
world_to_pixel = torch.ops.fits.world_to_pixel


def tab_header(axes: int, index: bool = False, ctypes: tuple[str, ...] = (), crval: float = 1.0) -> fits.Header:
    """Pixel p, counted from 0, has index value p + crval."""
    header = fits.Header()
    header["WCSAXES"] = axes
    for i in range(1, axes + 1):
        header[f"CTYPE{i}"] = ctypes[i - 1] if ctypes else f"AX{i}--TAB"
        header[f"CRPIX{i}"], header[f"CRVAL{i}"], header[f"CDELT{i}"] = 1.0, crval, 1.0
        header[f"PS{i}_0"], header[f"PS{i}_1"], header[f"PV{i}_3"] = "WCS-table", "Coordinates", i
        if index:
            header[f"PS{i}_2"] = f"Index{i}"
    return header


def table_hdu(
    coordinates: Numbers, indices: list[Numbers] | None = None, tform: str = "D", **cards: Any
) -> fits.BinTableHDU:
    """``coordinates`` in torch order, [K_M, ..., K_1, M]."""
    shape = coordinates.shape
    dim = "(" + ",".join(map(str, shape[::-1])) + ")"
    columns = [fits.Column("other", "7A", array=["nothing"])]
    columns.append(fits.Column("COORDINATES", f"{coordinates.size}{tform}", dim=dim, array=coordinates[None]))
    for m, index in enumerate(indices or [], 1):
        columns.append(fits.Column(f"INDEX{m}", f"{len(index)}D", array=index[None]))
    hdu = fits.BinTableHDU.from_columns(columns, name="WCS-TABLE")
    hdu.header.update(cards)
    return hdu


def file_bytes(header: fits.Header, *tables: fits.BinTableHDU) -> bytes:
    image = fits.PrimaryHDU(np.zeros((1,) * header["WCSAXES"], "u1"), header)
    stream = io.BytesIO()
    fits.HDUList([image, *tables]).writeto(stream)
    return stream.getvalue()


def in_astropy(file: bytes) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(io.BytesIO(file)) as hdus:
            return astropy.wcs.WCS(hdus[0].header, hdus)


def tensor_of(file: bytes) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(file, "u1").copy())


def packed(file: bytes) -> torch.Tensor:
    return torch.ops.fits.wcs_from_file(tensor_of(file), 0)


def sky_table(shape: tuple[int, int], seed: int = 1) -> Numbers:
    """Right ascension and declination on a turned, bent grid."""
    y, x = np.indices(shape, float)
    random = np.random.default_rng(seed)
    ripple = random.uniform(-1e-3, 1e-3, (2, *shape))
    ra = 150 + 0.02 * x - 0.011 * y + 1e-5 * x * y + ripple[0]
    dec = 2 + 0.009 * x + 0.021 * y - 2e-5 * x**2 + ripple[1]
    return np.stack([ra, dec], -1)


def pixels_in(shape: tuple[int, ...], count: int, beyond: float = 0.0, seed: int = 2) -> Numbers:
    """``shape`` in FITS order."""
    random = np.random.default_rng(seed)
    return np.stack([random.uniform(-beyond, n - 1 + beyond, count) for n in shape], -1)


def agree(file: bytes, pixel: Numbers, rtol: float = 1e-13, pixel_tolerance: float = 1e-8) -> None:
    """Both ways; back also to the pixels themselves."""
    wcs, oracle = packed(file), in_astropy(file)
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    expected = oracle.wcs_pix2world(pixel, 0)
    np.testing.assert_allclose(world, expected, rtol=rtol, atol=rtol * np.abs(expected).max())
    back, status = torch.ops.fits.world_to_pixel_status(world, wcs)
    assert not status.any()
    np.testing.assert_allclose(back, pixel, rtol=0, atol=pixel_tolerance)
    np.testing.assert_allclose(back, oracle.wcs_world2pix(world.numpy(), 0), rtol=0, atol=10 * pixel_tolerance)


def test_astropys_own_file() -> None:
    path = DATA / "tab-time-last-axis.fits"
    file = path.read_bytes()
    wcs = torch.ops.fits.wcs_from_file(str(path), 0)
    pixel = pixels_in((64, 32, 128), 500)
    expected = in_astropy(file).wcs_pix2world(pixel, 0)
    np.testing.assert_allclose(pixel_to_world(torch.from_numpy(pixel), wcs), expected, rtol=1e-14, atol=1e-12)
    np.testing.assert_allclose(world_to_pixel(torch.from_numpy(expected), wcs), pixel, rtol=0, atol=1e-7)


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("length", [2, 3, 100, 1024])
def test_one_axis(length: int, index: bool) -> None:
    random = np.random.default_rng(length)
    for sense in (1, -1):
        coordinates = sense * np.cumsum(random.uniform(0.5, 2, length))[:, None]
        psi = np.cumsum(random.uniform(0.5, 2, length)) - 3
        file = file_bytes(tab_header(1, index, ("WAVE-TAB",), 0.5), table_hdu(coordinates, [psi] if index else None))
        pixel = random.uniform(*((psi[0], psi[-1]) if index else (1, length)), (1000, 1)) - 0.5
        agree(file, pixel, pixel_tolerance=1e-9)


@pytest.mark.parametrize("index", [False, True])
def test_celestial_table(index: bool) -> None:
    shape = (21, 30)  # NAXIS2, NAXIS1
    psi = [np.cumsum(np.random.default_rng(n).uniform(0.5, 2, n)) for n in shape[::-1]]
    header = tab_header(2, index, ("RA---TAB", "DEC--TAB"))
    file = file_bytes(header, table_hdu(sky_table(shape), psi if index else None))
    pixel = pixels_in(shape[::-1], 300)
    if index:
        pixel = np.stack([np.interp(pixel[:, m], np.arange(len(psi[m])), psi[m]) - 1 for m in (0, 1)], -1)
    agree(file, pixel)


def test_what_is_beyond_a_table() -> None:
    """Half a cell is extrapolated, both ways; what lies further out is NaN in the table's axes alone."""
    header = tab_header(2, ctypes=("RA---TAB", "DEC--TAB"))
    header["WCSAXES"] = 3
    header["CTYPE3"], header["CRVAL3"], header["CRPIX3"], header["CDELT3"] = "STOKES", 1.0, 1.0, 1.0
    file = file_bytes(header, table_hdu(sky_table((8, 9))))
    wcs, oracle = packed(file), in_astropy(file)
    pixel = np.concatenate([pixels_in((9, 8), 400, 0.9), np.zeros((400, 1))], -1)
    inside = ((pixel >= -0.5) & (pixel <= [8.5, 7.5, 9])).all(-1)
    world, status = torch.ops.fits.pixel_to_world_status(torch.from_numpy(pixel), wcs)
    assert 100 < inside.sum() < 400
    assert (status.numpy() == np.where(inside, 0, 3)).all()
    assert (torch.isnan(world[~inside]).numpy() == [True, True, False]).all()
    np.testing.assert_allclose(world[inside], oracle.wcs_pix2world(pixel[inside], 0), rtol=1e-13, atol=0)
    np.testing.assert_allclose(world_to_pixel(world, wcs)[inside], pixel[inside], rtol=0, atol=1e-8)
    back, status = torch.ops.fits.world_to_pixel_status(torch.tensor([[10.0, 2.0, 1.0], [150.1, 2.1, 1.0]]), wcs)
    assert status.tolist() == [3, 0]
    assert torch.isnan(back[0]).tolist() == [True, True, False]


TFORMS = {"B": "u1", "I": "i2", "J": "i4", "K": "i8", "E": "f4", "D": "f8"}


@pytest.mark.parametrize("descriptor", ["", "P", "Q"])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("letter", TFORMS)
def test_column_formats(letter: str, scaled: bool, descriptor: str) -> None:
    """Every real type, in the row or in the heap, scaled or not, with or without TDIM; compressed as well."""
    stored = (np.array([3, 5, 9, 40, 100]) if letter == "B" else np.array([-3, 5, 9, 40, 1000])).astype(
        ">" + TFORMS[letter]
    )
    cards: dict[str, Any] = {"EXTNAME": "WCS-TABLE", "TTYPE2": "Coordinates"}
    if scaled:
        cards |= {"TSCAL2": 0.25, "TZERO2": -7.0}
    heap = b"" if descriptor == "" else b"\x07" + stored.tobytes()
    cell = stored.tobytes() if descriptor == "" else np.array([5, 1], ">i4" if descriptor == "P" else ">i8").tobytes()
    tforms = ["2A", f"5{letter}" if descriptor == "" else f"1{descriptor}{letter}(5)"]
    row = np.frombuffer(b"no" + cell, np.uint8)[None]
    expected = stored.astype("f8") * (0.25 if scaled else 1) - (7 if scaled else 0)
    image = fits.PrimaryHDU(np.zeros(1, "u1"), tab_header(1))
    stream = io.BytesIO()
    image.writeto(stream)
    pixel = torch.arange(5, dtype=torch.float64)[:, None]
    for tdim in ({}, {"TDIM2": "(1,5)"}, {"TDIM2": "(5)"}):
        extra = table_files._header(cards | tdim)
        plain = table_files.plain_table(tforms, row, heap)
        end = plain.index(b"END" + b" " * 77)
        body = table_files.padded(
            plain[:end].rstrip()
            + b" " * (-len(plain[:end].rstrip()) % 80)
            + extra[: extra.index(b"END     ")]
            + b"END"
            + b" " * 77
        )
        data = plain[len(table_files.padded(plain[: end + 80])) :]
        file = stream.getvalue() + body.replace(b"\0", b" ") + data
        assert pixel_to_world(pixel, packed(file))[:, 0].tolist() == expected.tolist()
        compressed = table_files.compressed_table(tforms, ["GZIP_1", "GZIP_1"], row, heap, tile=1, **cards, **tdim)
        assert torch.equal(packed(stream.getvalue() + compressed), packed(file))


def test_every_kind_of_source(tmp_path: Path) -> None:
    files = [file_bytes(tab_header(2), table_hdu(sky_table((5, 6), seed))) for seed in range(3)]
    files[1] = file_bytes(tab_header(2), table_hdu(sky_table((3, 4))))
    expected = [packed(file) for file in files]
    paths = []
    for i, file in enumerate(files):
        path = tmp_path / f"{i}.fits"
        path.write_bytes(file if i != 2 else gzip.compress(file))
        paths.append(str(path))
        assert torch.equal(torch.ops.fits.wcs_from_file(str(path), 0), expected[i])
    assert torch.equal(packed(gzip.compress(files[0])), expected[0])
    batch = torch.ops.fits.wcs_from_files(paths, 0)
    offsets = torch.tensor([0, *np.cumsum([len(file) for file in files])])
    assert torch.equal(torch.ops.fits.wcs_from_files(tensor_of(b"".join(files)), offsets, 0), batch)
    assert len(expected[1]) < batch.shape[1]
    for i in range(3):
        assert torch.equal(batch[i, : len(expected[i])], expected[i])
        assert not batch[i, len(expected[i]) :].any()
    pixel = torch.from_numpy(pixels_in((4, 3), 30).reshape(3, 10, 2))
    world = pixel_to_world(pixel, batch)
    for i in range(3):
        assert torch.equal(world[i], pixel_to_world(pixel[i], expected[i]))


def test_extver_extlevel_and_names() -> None:
    tables = [
        table_hdu(np.full((4, 1), value), EXTVER=extver, EXTLEVEL=level)
        for value, extver, level in [(1.0, 1, 1), (2.0, 2, 1), (3.0, 2, 5)]
    ]
    zero = torch.zeros(1, dtype=torch.float64)
    for cards, expected in [({}, 1.0), ({"PV1_1": 2}, 2.0), ({"PV1_1": 2, "PV1_2": 5}, 3.0)]:
        header = tab_header(1)
        header.update(cards)
        assert pixel_to_world(zero, packed(file_bytes(header, *tables))).item() == expected


def test_an_alternate_description_has_its_own_table() -> None:
    header = tab_header(1)
    for key, value in list(tab_header(1).items()):
        if key != "WCSAXES":
            header[f"{key}B"] = value
    header["PS1_0B"] = "OTHER"
    first, second = table_hdu(np.arange(4.0)[:, None]), table_hdu(np.arange(4.0)[:, None] ** 2 + 7)
    second.header["EXTNAME"] = "OTHER"
    wcs = torch.ops.fits.wcs_from_file(tensor_of(file_bytes(header, first, second)), 0, "B")
    assert pixel_to_world(torch.tensor([2.0], dtype=torch.float64), wcs).item() == 11


@given(st.data())
def test_any_table_agrees_with_astropy(data: st.DataObject) -> None:
    axes = data.draw(st.integers(1, 3), "axes")
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=axes, max_size=axes), "lengths")
    index = data.draw(st.booleans(), "index") and 1 not in lengths
    values = st.floats(-1e6, 1e6, allow_subnormal=False)
    count = axes * int(np.prod(lengths))
    coordinates = np.array(data.draw(st.lists(values, min_size=count, max_size=count), "coordinates"))
    steps = [data.draw(st.lists(st.floats(0.25, 4), min_size=n, max_size=n), "steps") for n in lengths]
    psi = [np.cumsum(step) * data.draw(st.sampled_from([1, -1]), "sense") for step in steps]
    file = file_bytes(
        tab_header(axes, index), table_hdu(coordinates.reshape(*lengths[::-1], axes), psi if index else None)
    )
    pixel = np.array(data.draw(st.lists(st.floats(-1, 6), min_size=4 * axes, max_size=4 * axes), "pixels")).reshape(
        4, axes
    )
    wcs, oracle = packed(file), in_astropy(file)
    world, status = torch.ops.fits.pixel_to_world_status(torch.from_numpy(pixel), wcs)
    expected = oracle.wcs_pix2world(pixel, 0)
    good = status.numpy() == 0
    assert (good == np.isfinite(expected).all(-1)).all()
    np.testing.assert_allclose(
        world[good], expected[good], rtol=0, atol=1e-13 * max(np.abs(coordinates).max(), 1e-300) * 4**axes
    )
    # What comes back, if anything does, has the same world coordinates; test_celestial_table asks more of smooth ones.
    back, status = torch.ops.fits.world_to_pixel_status(world, wcs)
    found = (status.numpy() == 0) & good
    again = pixel_to_world(back, wcs)
    scale = max(np.abs(coordinates).max(), 1e-300)
    close = torch.isnan(again) | ((again - world).abs() <= 1e-9 * scale)
    assert close[found].all()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_gradients(axes: int) -> None:
    shape = (5, 4, 6)[:axes]
    grid = np.stack(np.indices(shape[::-1], float)[::-1], -1)
    coordinates = 10 + grid + 0.1 * np.sin(grid @ np.random.default_rng(1).uniform(-1, 1, (axes, axes)))
    wcs = packed(file_bytes(tab_header(axes), table_hdu(coordinates)))
    cells = np.random.default_rng(2).integers(0, np.array(shape) - 1, (6, axes))
    pixel = torch.from_numpy(cells + np.random.default_rng(3).uniform(0.2, 0.8, (6, axes))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pixel_to_world(x, wcs), pixel, eps=1e-4, atol=1e-8)
    world = pixel_to_world(pixel.detach(), wcs).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: world_to_pixel(x, wcs), world, eps=1e-5, atol=1e-5)


def test_what_is_refused() -> None:
    coordinates = np.arange(4.0)[:, None]
    header, table = tab_header(1), table_hdu(coordinates)
    with pytest.raises(RuntimeError, match=r"CTYPE1 = 'AX1--TAB': .* use wcs_from_file"):
        torch.ops.fits.wcs_from_header(header.tostring())
    unnamed = tab_header(1)
    del unnamed["PS1_1"]
    index = tab_header(1, index=True)
    image = fits.ImageHDU(np.zeros((2, 2)), name="WCS-TABLE")
    good = file_bytes(header, table)
    complex_cell = good.replace(b"'4D      '", b"'2M      '").replace(b"'(1,4)   '", b"'(1,2)   '")
    column = "column 'Coordinates', row 1 of the table with EXTNAME 'WCS-table', EXTVER 1, EXTLEVEL 1"
    for message, file in [
        (
            column + ": the file has no such binary table$",
            file_bytes(header),
        ),
        ("HDU 1 of that name has EXTVER 3 and EXTLEVEL 1", file_bytes(header, table_hdu(coordinates, EXTVER=3))),
        ("HDU 1 of that name has EXTVER 1 and EXTLEVEL 2", file_bytes(header, table_hdu(coordinates, EXTLEVEL=2))),
        ("HDU 1 has that name and is no binary table", file_bytes(header, image)),
        ("column 'Index1'.*: that table has no such column", file_bytes(index, table)),
        ("holds no real numbers", complex_cell),
        (r"\(2, 2\); TDIM of 1 axes must be \(1, K_1", file_bytes(header, table_hdu(coordinates.reshape(2, 2)))),
        (
            r"TDIM2 = '\(1,5\)' is no shape of its 4 values",
            good.replace(b"'(1,4)   '", b"'(1,5)   '"),
        ),
        ("has no row 1", file_bytes(header, fits.BinTableHDU(table.data[:0], table.header))),
        ("PS1_0 and PS1_1 must name", file_bytes(unnamed, table)),
    ]:
        with pytest.raises(RuntimeError, match=r"data\[0\]: .*" + message):
            packed(file)


def test_a_truncated_file_is_refused() -> None:
    file = file_bytes(tab_header(1, True), table_hdu(np.arange(4.0)[:, None], [np.arange(4.0)]))
    table = file.rindex(b"nothing")  # the first byte of its only row
    for length in [*range(2880, table, 173), *range(table, table + 7 + 64)]:
        with pytest.raises((RuntimeError, IndexError), match=r"data\[0\]: "):
            packed(file[:length])
    assert torch.equal(packed(file[: table + 7 + 64]), packed(file))
