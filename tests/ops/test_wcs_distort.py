"""Polynomial distortions (TPV, TPD, TNX, ZPX, DSS, Paper IV) against astropy, through the operators."""

from __future__ import annotations

import gzip
import itertools
import warnings
from pathlib import Path

import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from wcs_samples import SURFACES, surface_cards

import torchfits  # noqa: F401

DATA = Path(astropy.wcs.__file__).parent / "tests/data"
wcs_from_header = torch.ops.fits.wcs_from_header
pixel_to_world = torch.ops.fits.pixel_to_world
world_to_pixel = torch.ops.fits.world_to_pixel


def sky_header(code: str = "TAN") -> fits.Header:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{code}", f"DEC--{code}"
    header["CRVAL1"], header["CRVAL2"] = 150.1, 2.2
    header["CRPIX1"], header["CRPIX2"] = 31.5, 20.25
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -1e-4, 1e-5, 1.5e-5, 1e-4
    return header


def sip_header() -> fits.Header:
    header = sky_header("TAN-SIP")
    header["A_ORDER"], header["B_ORDER"], header["A_2_0"], header["B_1_1"] = 2, 2, 1e-6, -2e-6
    return header


def packed(header: fits.Header) -> torch.Tensor:
    return wcs_from_header(header.tostring())


def in_astropy(header: fits.Header) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(header)


def separation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Great-circle distance in degrees, exact for small ones."""
    lng1, lat1, lng2, lat2 = np.deg2rad([*one.T[:2], *other.T[:2]])
    x = np.cos(lat2) * np.sin(lng2 - lng1)
    y = np.cos(lat1) * np.sin(lat2) - np.sin(lat1) * np.cos(lat2) * np.cos(lng2 - lng1)
    z = np.sin(lat1) * np.sin(lat2) + np.cos(lat1) * np.cos(lat2) * np.cos(lng2 - lng1)
    return np.rad2deg(np.arctan2(np.hypot(x, y), z))


def random_pixels(count: int, naxis: int = 2, size: float = 2048) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, size, (count, naxis))


def check_against_astropy(header: fits.Header, size: float = 2048, inverse: float = 2e-9) -> None:
    wcs, oracle = packed(header), in_astropy(header)
    pixel = random_pixels(5000, oracle.naxis, size)
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    expected = oracle.all_pix2world(pixel, 0) if oracle.naxis == 2 else oracle.wcs_pix2world(pixel, 0)
    assert separation(world.numpy(), expected).max() < 1e-11
    np.testing.assert_allclose(world[:, 2:], expected[:, 2:], rtol=1e-11, atol=1e-11)
    assert np.abs(world_to_pixel(world, wcs).numpy() - pixel).max() < inverse


def tpv_header(terms: dict[tuple[int, int], float], code: str = "TPV") -> fits.Header:
    header = sky_header(code)
    for (axis, m), value in ({(1, 1): 1.0, (2, 1): 1.0} | terms).items():
        header[f"PV{axis}_{m}"] = value
    return header


# Term m of TPV has this degree; r, r^3, r^5 and r^7 among them.
DEGREES = list(
    itertools.chain.from_iterable([degree] * (degree + 1 + (degree % 2 if degree else 0)) for degree in range(8))
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.tuples(st.sampled_from([1, 2]), st.integers(0, 39)), st.floats(-1, 1), max_size=12))
def test_any_terms_of_tpv(terms: dict[tuple[int, int], float]) -> None:
    """Each up to 0.3 per cent of the field, which is 0.2 degree across, beside the identity."""
    scaled = {(axis, m): 3e-4 * value * 5.0 ** DEGREES[m] * 0.5 for (axis, m), value in terms.items()}
    for axis in (1, 2):
        scaled[axis, 1] = 1 + scaled.get((axis, 1), 0.0)
    check_against_astropy(tpv_header(scaled))


@pytest.mark.parametrize("name", ["tpvonly.hdr", "too_many_pv.hdr", "siponly.hdr", "irac_sip.hdr"])
def test_astropys_headers(name: str) -> None:
    text = (DATA / name).read_bytes().decode("latin-1")
    header = fits.Header.fromstring(text, sep="\n" if "\n" in text[:2000] else "")
    distortion = int(wcs_from_header(text)[7])
    assert distortion == (8 if name == "tpvonly.hdr" else 1 if "sip" in name else distortion)
    check_against_astropy(header, inverse=1e-7 if name == "too_many_pv.hdr" else 5e-9)


def test_tan_with_many_parameters_is_tpv() -> None:
    """SCAMP before 2012; and TAN-SIP with such parameters drops them."""
    header = tpv_header({(1, 5): 1e-2, (2, 10): -3e-2, (1, 39): 10.0}, "TAN")
    assert packed(header)[7] == 8
    check_against_astropy(header)
    header.update(sip_header())
    assert packed(header)[7] == 1
    check_against_astropy(header)


def test_plate_of_the_digitized_sky_survey() -> None:
    with gzip.open(next(DATA.glob("dss*.fits.gz"))) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = fits.Header.fromstring(fits.open(file)[0].header.tostring())
    assert packed(header)[7] == 128
    check_against_astropy(header, 300)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("code", ["TNX", "ZPX"])
def test_surfaces(code: str, surface: tuple[int, int, int, int]) -> None:
    header = sky_header(code)
    header.update(surface_cards(code, *surface))
    assert packed(header)[7] == (32 if code == "TNX" else 64)
    check_against_astropy(header)


def paper_iv_cards(records: dict[str, dict[str, float]], kind: str) -> str:
    """CQDISi or CPDISj and the records of DQi or DPj: astropy's Header has other ideas of those."""
    text = []
    for key, fields in records.items():
        text.append(f"C{key[1]}DIS{key[2]}  = '{kind}'")
        text += [f"{key}     = '{field}: {value!r}'" for field, value in fields.items()]
    return "".join(f"{line:80}" for line in text)


def test_paper_iv_after_the_matrix() -> None:
    """In a cube, and one axis that depends on another."""
    header = sky_header("SIN")
    header["CTYPE3"], header["CRVAL3"], header["CD3_3"] = "FREQ", 1.4e9, 1e5
    records = {
        "DQ1": {"NAXES": 2, "TPD.FWD.4": 1e-2, "TPD.FWD.11": -0.2, "SCALE.1": 1.5},
        "DQ2": {"NAXES": 2, "AXIS.1": 2, "AXIS.2": 1, "TPD.FWD.5": 3e-2, "OFFSET.1": 0.01},
        "DQ3": {"NAXES": 2, "AXIS.1": 3, "AXIS.2": 1, "TPD.FWD.2": 1e5, "TPD.FWD.4": 1e-11},
    }
    cards = header.tostring(endcard=False, padding=False) + paper_iv_cards(records, "TPD")
    wcs, oracle = wcs_from_header(cards), astropy.wcs.WCS(cards.encode())
    assert wcs[7] == 16
    pixel = random_pixels(1000, 3, 1000)
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    np.testing.assert_allclose(world, oracle.wcs_pix2world(pixel, 0), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(world_to_pixel(world, wcs), pixel, rtol=0, atol=3e-9)


def prior_cards(strength: float = 1.0) -> str:
    records = {
        key: {"NAXES": 2, "NTERMS": 2, "OFFSET.1": 900.5, "OFFSET.2": 1000.25}
        | {"TERM.1.COEFF": strength * sign * 1e-5, "TERM.1.VAR.1": 2, "TERM.2.COEFF": 1e-5, "TERM.2.VAR.2": 1}
        for key, sign in (("DP1", 1), ("DP2", -2))
    }
    return paper_iv_cards(records, "Polynomial")


def prior_header(strength: float = 1.0) -> str:
    return sky_header().tostring(endcard=False, padding=False) + prior_cards(strength)


def test_derivatives() -> None:
    for wcs in (packed(tpv_header({(1, 4): 1e-1, (2, 3): 1e-2, (1, 39): 1e3})), wcs_from_header(prior_header())):
        pixel = torch.from_numpy(random_pixels(6, 2, 2000)).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, wcs=wcs: pixel_to_world(x, wcs), pixel, eps=1e-2, atol=1e-9)
        world = pixel_to_world(pixel.detach(), wcs).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, wcs=wcs: world_to_pixel(x, wcs), world, eps=1e-6, atol=1e-3)


def test_batch_and_status() -> None:
    headers = [sky_header().tostring(), prior_header(), tpv_header({(1, 5): 1e-1}).tostring(), prior_header(60.0)]
    batch = torch.ops.fits.wcs_from_headers(headers)
    pixel = torch.from_numpy(random_pixels(4 * 300)).reshape(4, 300, 2)
    world = pixel_to_world(pixel, batch)
    for i, header in enumerate(headers):
        torch.testing.assert_close(world[i], pixel_to_world(pixel[i], wcs_from_header(header)), rtol=0, atol=0)
    world[3] = pixel_to_world(pixel[3], batch[0])  # beyond the fold of the last
    back, status = torch.ops.fits.world_to_pixel_status(world, batch)
    assert not status[:3].any()
    torch.testing.assert_close(back[:3], pixel[:3], rtol=0, atol=2e-9)
    folded = status[3] != 0
    assert 0 < folded.sum() < 300
    assert torch.isnan(back[3][folded]).all()
    assert (status[3][folded] & (1 << 29 | 1 << 30)).all()


@pytest.mark.parametrize(
    "cards, message",
    [
        (paper_iv_cards({"DP1": {"NAXES": 2, "TPD.FWD.77": 1.0}}, "TPD"), "index from 0 to 59"),
        (paper_iv_cards({"DQ2": {"NAXES": 2}}, "Spline"), "no distortion that is known"),
        ("WAT1_001= 'wtype=tnx axtype=ra'".ljust(80) + "WAT2_001= 'wtype=tnx'".ljust(80), "has no polynomial"),
        ("AMDX1   = 67.1".ljust(80), "without a number in AMDX2"),
    ],
)
def test_what_is_wrong_has_a_reason(cards: str, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        wcs_from_header(sky_header().tostring(endcard=False, padding=False) + cards)
