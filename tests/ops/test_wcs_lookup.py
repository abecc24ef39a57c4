"""Lookup tables (CPDIS, D2IM): against astropy, on its own files and on files made here, from every kind of source."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

import torchfits  # noqa: F401

DATA = Path(astropy.wcs.__file__).parent / "tests/data"
# Two axes of dist_lookup.fits.gz with SIP, CPDIS and one axis of D2IM; two of D2IM alone; D2IM's old form.
FILES = [("dist_lookup.fits.gz", 1), ("ie6d07ujq_wcs.fits", 0), ("dist.fits", 0)]

wcs_from_file = torch.ops.fits.wcs_from_file
pixel_to_world = torch.ops.fits.pixel_to_world
world_to_pixel = torch.ops.fits.world_to_pixel


def in_astropy(hdus: fits.HDUList, hdu: int) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(hdus[hdu].header, hdus)


def random_pixels(count: int, low: float = -300, high: float = 4500) -> np.ndarray:
    return np.random.default_rng(1).uniform(low, high, (count, 2))


def contents(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(path.read_bytes(), "u1").copy())


@pytest.mark.parametrize("name, hdu", FILES, ids=[name for name, _ in FILES])
def test_astropys_files(name: str, hdu: int) -> None:
    with fits.open(DATA / name) as hdus:
        oracle = in_astropy(hdus, hdu)
    wcs = wcs_from_file(str(DATA / name), hdu)
    pixel = random_pixels(50000)
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    expected = oracle.all_pix2world(pixel, 0)
    np.testing.assert_allclose(world, expected, rtol=2e-15, atol=1e-12)
    back, status = torch.ops.fits.world_to_pixel_status(world, wcs)
    assert not status.any()
    assert np.abs(back.numpy() - pixel).max() < 3e-9  # a digit of the right ascension is 2e-9 of these pixels
    if name != "dist.fits":  # astropy does not undo D2IM where there is nothing else
        theirs = oracle.all_world2pix(expected[:2000], 0, tolerance=1e-10)
        assert np.abs(back.numpy()[:2000] - theirs).max() < 1e-8


def test_every_source(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.fits" for i in range(2)]
    with fits.open(DATA / "dist_lookup.fits.gz") as hdus:
        for path in paths:
            hdus.writeto(path)
            hdus["WCSDVARR", 2].data[3, 4] += 1
    wcs = wcs_from_file(str(paths[0]), 1)
    assert torch.equal(wcs, wcs_from_file(str(DATA / "dist_lookup.fits.gz"), 1))
    assert torch.equal(wcs, wcs_from_file(contents(paths[0]), 1))
    batch = torch.ops.fits.wcs_from_files([str(path) for path in paths], 1)
    assert torch.equal(batch[0], wcs)
    assert (batch[1] != wcs).sum() in (1, 2)  # the value, and the steepest change where that is it
    both = [contents(path) for path in paths]
    offsets = torch.tensor([0, len(both[0]), len(both[0]) + len(both[1])])
    assert torch.equal(torch.ops.fits.wcs_from_files(torch.cat(both), offsets, 1), batch)
    plain = torch.ops.fits.wcs_from_file(str(DATA / "j94f05bgq_flt.fits"), 1)  # in one batch with a WCS without tables
    mixed = torch.stack([wcs, torch.nn.functional.pad(plain, (0, len(wcs) - len(plain)))])
    pixel = torch.from_numpy(random_pixels(2000)).reshape(2, -1, 2)
    world = pixel_to_world(pixel, mixed)
    assert torch.equal(world[0], pixel_to_world(pixel[0], wcs))
    assert torch.equal(world[1], pixel_to_world(pixel[1], plain))


def test_float32_pixels() -> None:
    wcs = wcs_from_file(str(DATA / "dist_lookup.fits.gz"), 1)
    pixel = torch.from_numpy(random_pixels(1000)).float()
    assert torch.equal(pixel_to_world(pixel, wcs), pixel_to_world(pixel.double(), wcs))


def header(sip: bool) -> fits.Header:
    """The identity on pixels but for distortions, as a celestial WCS cannot be."""
    cards = fits.Header()
    for i in (1, 2):
        cards[f"CTYPE{i}"], cards[f"CRPIX{i}"], cards[f"CRVAL{i}"], cards[f"CDELT{i}"] = "X", 10.0 * i, 10.0 * i, 1.0
    if sip:
        cards["A_ORDER"], cards["B_ORDER"], cards["A_2_0"], cards["B_1_1"], cards["B_0_2"] = 2, 2, 1e-5, -2e-5, 3e-5
    return cards


def ask(cards: fits.Header, distortion: str, record: str, axis: str, extver: int) -> None:
    cards[f"{distortion}{axis}"] = "Lookup"
    cards.append(fits.Card(f"{record}{axis}", f"EXTVER: {extver}"))
    cards.append(fits.Card(f"{record}{axis}", "NAXES: 2"))
    cards.append(fits.Card(f"{record}{axis}", "AXIS.1: 1"))
    cards.append(fits.Card(f"{record}{axis}", "AXIS.2: 2"))


def table(
    name: str,
    extver: int,
    data: np.ndarray,
    crpix: tuple[float, float] = (1, 1),
    crval: tuple[float, float] = (0, 0),
    cdelt: tuple[float, float] = (8, 16),
) -> fits.ImageHDU:
    hdu = fits.ImageHDU(data, name=name, ver=extver)
    for i in range(2):
        hdu.header[f"CRPIX{i + 1}"] = crpix[i]
        hdu.header[f"CRVAL{i + 1}"] = crval[i]
        hdu.header[f"CDELT{i + 1}"] = cdelt[i]
    return hdu


def values(rows: int, columns: int, size: float = 0.5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-size, size, (rows, columns)).astype("f4")


def hdus_in_memory(hdus: fits.HDUList) -> torch.Tensor:
    stream = io.BytesIO()
    hdus.writeto(stream)
    return torch.from_numpy(np.frombuffer(stream.getvalue(), "u1").copy())


def with_both_axes(hdus: fits.HDUList) -> fits.HDUList:
    """With a CPDIS table of zeros where one axis has none: astropy's wcslib stumbles over records of axis 1 alone."""
    cards = hdus[0].header
    missing = [i for i in (1, 2) if f"CPDIS{i}" not in cards]
    if len(missing) != 1:
        return hdus
    cards = cards.copy()
    ask(cards, "CPDIS", "DP", str(missing[0]), 9)
    return fits.HDUList([fits.PrimaryHDU(header=cards), *hdus[1:], table("WCSDVARR", 9, np.zeros((2, 2), "f4"))])


@pytest.mark.parametrize("sip", [False, True])
@pytest.mark.parametrize("axes", [(), (1,), (2,), (1, 2)])
@pytest.mark.parametrize("detector", [(), (2,), (1, 2)])
def test_the_order_of_the_steps(sip: bool, axes: tuple[int, ...], detector: tuple[int, ...]) -> None:
    cards = header(sip)
    tables = []
    for i in axes:
        ask(cards, "CPDIS", "DP", str(i), i)
        tables.append(table("WCSDVARR", i, values(9, 17, seed=i)))
    for i in detector:
        ask(cards, "D2IMDIS", "D2IM", str(i), i)
        tables.append(table("D2IMARR", i, values(5, 30, 0.1, seed=7 + i), (0, 2), (3.5, -4), (4, -30)))
    hdus = fits.HDUList([fits.PrimaryHDU(header=cards), *tables])
    oracle = in_astropy(with_both_axes(hdus), 0)
    wcs = wcs_from_file(hdus_in_memory(hdus))
    pixel = random_pixels(5000, -40, 180)
    found = pixel_to_world(torch.from_numpy(pixel), wcs)
    np.testing.assert_allclose(found, oracle.all_pix2world(pixel, 0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found, oracle.pix2foc(pixel + 1, 1), rtol=0, atol=1e-12)
    assert np.abs(world_to_pixel(found, wcs).numpy() - pixel).max() < 1e-9


@pytest.mark.parametrize("kind", ["f4", "f8", "u1", "i2", "i4", "i2 scaled", "i2 compressed", "f4 compressed"])
def test_tables_of_every_type(kind: str) -> None:
    """What image HDUs hold, and compressed ones, as the user reads them; astropy has float32."""
    data = values(9, 17, 20)
    exact = data.astype(kind[:2]) if kind.startswith("f") else np.rint(data + 20).astype(kind[:2])
    image = table("WCSDVARR", 1, exact)
    if kind.endswith("compressed"):
        how = {"quantize_level": 0, "compression_type": "GZIP_2" if kind[0] == "f" else "RICE_1"}
        image = fits.CompImageHDU(exact, image.header, name="WCSDVARR", **how)
    if kind == "i2 scaled":
        image.header["BSCALE"], image.header["BZERO"] = 0.25, -3.0
    cards = header(False)
    ask(cards, "CPDIS", "DP", "1", 1)
    file = hdus_in_memory(fits.HDUList([fits.PrimaryHDU(header=cards), image]))
    with fits.open(io.BytesIO(file.numpy().tobytes())) as opened:
        physical = table("WCSDVARR", 1, opened[1].data.astype("f4"))
    oracle = in_astropy(with_both_axes(fits.HDUList([fits.PrimaryHDU(header=cards), physical])), 0)
    pixel = random_pixels(2000, -20, 180)
    found = pixel_to_world(torch.from_numpy(pixel), wcs_from_file(file))
    np.testing.assert_allclose(found, oracle.all_pix2world(pixel, 0), rtol=0, atol=1e-11)


NUMBER = st.floats(-50, 50, width=32)
PAIR = st.tuples(NUMBER, NUMBER)
STEP = st.floats(0.5, 50, width=32)


@settings(max_examples=60, deadline=None)
@given(PAIR, PAIR, st.tuples(STEP, STEP), st.integers(1, 12), st.integers(1, 12))
def test_any_grid(
    crpix: tuple[float, float], crval: tuple[float, float], cdelt: tuple[float, float], columns: int, rows: int
) -> None:
    cards = header(False)
    ask(cards, "CPDIS", "DP", "2", 1)
    image = table("WCSDVARR", 1, values(rows, columns, 0.1), crpix, crval, cdelt)
    hdus = fits.HDUList([fits.PrimaryHDU(header=cards), image])
    pixel = random_pixels(200, -100, 100)
    wcs = wcs_from_file(hdus_in_memory(hdus))
    found = pixel_to_world(torch.from_numpy(pixel), wcs)
    expected = in_astropy(with_both_axes(hdus), 0).all_pix2world(pixel, 0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert np.abs(world_to_pixel(found, wcs).numpy() - pixel).max() < 1e-9


def test_alternates() -> None:
    """CPDIS1A is of version A, and CPDIS1 of the primary alone (astropy from #19228 on)."""
    cards = header(False)
    for key, value in header(False).items():
        cards[f"{key}A"] = value
    primary = cards.copy()
    ask(cards, "CPDIS", "DP", "1", 1)
    ask(cards, "CPDIS", "DP", "1A", 2)
    ask(primary, "CPDIS", "DP", "1", 2)
    tables = [table("WCSDVARR", i, values(9, 17, seed=i)) for i in (1, 2)]
    file = hdus_in_memory(fits.HDUList([fits.PrimaryHDU(header=cards), *tables]))
    expected = in_astropy(with_both_axes(fits.HDUList([fits.PrimaryHDU(header=primary), *tables])), 0)
    pixel = random_pixels(500, 0, 140)
    found = pixel_to_world(torch.from_numpy(pixel), wcs_from_file(file, 0, "A"))
    np.testing.assert_allclose(found, expected.all_pix2world(pixel, 0), rtol=0, atol=1e-12)
    other = hdus_in_memory(fits.HDUList([fits.PrimaryHDU(header=primary), *tables]))
    none = pixel_to_world(torch.from_numpy(pixel), wcs_from_file(other, 0, "A"))
    np.testing.assert_allclose(none, pixel + 1, rtol=0, atol=1e-12)


def test_gradients() -> None:
    wcs = wcs_from_file(str(DATA / "ie6d07ujq_wcs.fits"), 0)
    pixel = torch.from_numpy(random_pixels(6, 200, 1900)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pixel_to_world(x, wcs), pixel, eps=1e-2, atol=1e-9)
    world = pixel_to_world(pixel.detach(), wcs).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: world_to_pixel(x, wcs), world, eps=1e-6, rtol=1e-3, atol=10)


def test_operators_with_tables_in_graphs() -> None:
    wcs = wcs_from_file(str(DATA / "dist_lookup.fits.gz"), 1)
    pixel = torch.from_numpy(random_pixels(5, 100, 1900))
    for operator in (pixel_to_world, torch.ops.fits.pixel_to_world_status, torch.ops.fits.wcs_jacobian):
        torch.library.opcheck(operator.default, (pixel, wcs))
    both = torch.compile(lambda x: world_to_pixel(pixel_to_world(x, wcs), wcs), fullgraph=True)
    assert (both(pixel) - pixel).abs().max() < 1e-8


def test_what_is_missing_or_wrong(tmp_path: Path) -> None:
    with fits.open(DATA / "dist_lookup.fits.gz") as hdus:
        for message, change in [
            (r"t\.fits\[1\]: the image WCSDVARR, EXTVER 2, .*is not in the file", lambda h: h.pop(4)),
            (r"the image D2IMARR, EXTVER 1, .*is not in the file", lambda h: h.pop(2)),
            (r"EXTVER 1: the HDU is empty", lambda h: setattr(h[3], "data", None)),
            (r"has 1 axes and not 2", lambda h: setattr(h[3], "data", np.zeros(5, "f4"))),
        ]:
            copy = fits.HDUList([hdu.copy() for hdu in hdus])
            change(copy)
            copy.writeto(tmp_path / "t.fits", overwrite=True)
            with pytest.raises(RuntimeError, match=message):
                wcs_from_file(str(tmp_path / "t.fits"), 1)
        whole = hdus_in_memory(hdus)
        image = fits.CompImageHDU(np.zeros((8, 8), "i2"), name="WCSDVARR")
        huge = hdus_in_memory(fits.HDUList([*hdus[:3], image, hdus[4]])).numpy().tobytes()
        for key in (b"ZNAXIS1 ", b"ZNAXIS2 "):
            huge = huge.replace(key + b"=                    8", key + b"=                32768")
        with pytest.raises(RuntimeError, match="EXTVER 1: "):
            wcs_from_file(torch.from_numpy(np.frombuffer(huge, "u1").copy()), 1)
        with pytest.raises(RuntimeError, match="CPDIS1 = 'Lookup': its table is in another HDU; use wcs_from_file"):
            torch.ops.fits.wcs_from_header(hdus[1].header.tostring())
    with pytest.raises(RuntimeError, match=r"data\[1\]: the image WCSDVARR, EXTVER 2: the data unit is cut off"):
        wcs_from_file(whole[:-5000].clone(), 1)
    with fits.open(DATA / "dist_lookup.fits.gz") as hdus:
        columns = fits.ColDefs([fits.Column("x", "E", array=[1.0])])
        hdus[4] = fits.BinTableHDU.from_columns(columns, name="WCSDVARR", ver=2)
        with pytest.raises(RuntimeError, match="the HDU is a binary table, not an image"):
            wcs_from_file(hdus_in_memory(hdus), 1)


def test_dead_table_pixels_spoil_their_own_points() -> None:
    cards = header(False)
    ask(cards, "CPDIS", "DP", "1", 1)
    data = values(9, 17)
    data[4, 4] = np.nan
    hdus = fits.HDUList([fits.PrimaryHDU(header=cards), table("WCSDVARR", 1, data)])
    pixel = random_pixels(2000, 0, 140)
    found = pixel_to_world(torch.from_numpy(pixel), wcs_from_file(hdus_in_memory(hdus))).numpy()
    expected = in_astropy(with_both_axes(hdus), 0).all_pix2world(pixel, 0)
    np.testing.assert_array_equal(np.isnan(found[:, 0]), np.isnan(expected[:, 0]))
    assert 0 < np.isnan(found[:, 0]).mean() < 0.1
    np.testing.assert_allclose(found[:, 1], pixel[:, 1] + 1, rtol=0, atol=1e-12)
