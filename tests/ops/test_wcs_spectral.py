"""Spectral, logarithmic, time and conventional axes against astropy; cubes that mix them; their derivatives."""

from __future__ import annotations

import warnings
from pathlib import Path

import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

import torchfits  # noqa: F401

DATA = Path(astropy.wcs.__file__).parent / "tests/data"
C = 299792458.0

wcs_from_header = torch.ops.fits.wcs_from_header
pixel_to_world = torch.ops.fits.pixel_to_world
world_to_pixel = torch.ops.fits.world_to_pixel

# The variable P of each type, and what its coordinate is at a frequency of a line.
TYPES = {
    "FREQ": ("F", lambda f, rest: f),
    "AFRQ": ("F", lambda f, rest: 2 * np.pi * f),
    "ENER": ("F", lambda f, rest: 6.626e-34 * f),
    "WAVN": ("F", lambda f, rest: f / C),
    "VRAD": ("F", lambda f, rest: C * (1 - f / rest)),
    "WAVE": ("W", lambda f, rest: C / f),
    "VOPT": ("W", lambda f, rest: C * (rest / f - 1)),
    "ZOPT": ("W", lambda f, rest: rest / f - 1),
    "AWAV": ("A", lambda f, rest: C / f / 1.00028),
    "VELO": ("V", lambda f, rest: C * (rest**2 - f**2) / (rest**2 + f**2)),
    "BETA": ("V", lambda f, rest: (rest**2 - f**2) / (rest**2 + f**2)),
}
VELOCITY_UNIT = {"VRAD": C, "VOPT": C, "ZOPT": 1.0, "VELO": C, "BETA": 1.0}
GRISM = {0: 4.5e5, 1: 1.0, 2: 12.0, 3: 1.55, 4: -9e4, 5: 2.5, 6: 6.0}


def axis(header: fits.Header, i: int, **values: float | str) -> fits.Header:
    for key, value in values.items():
        header[f"{key.upper()}{i}"] = value
    return header


def spectrum(ctype: str, frequency: float = 4.8e14, rest: float = 5e14, i: int = 1) -> fits.Header:
    """A spectrum whose pixels are 1e-4 of the frequency apart."""
    _, coordinate = TYPES[ctype[:4]]
    crval = coordinate(frequency, rest)
    cdelt = 1e3 * (coordinate(frequency * (1 + 1e-7), rest) - crval)
    header = axis(fits.Header(), i, ctype=ctype, crpix=5.5, crval=crval, cdelt=cdelt)
    header["RESTFRQ"] = rest
    for m, value in GRISM.items() if ctype[5:7] == "GR" else ():
        header[f"PV{i}_{m}"] = value
    return header


def sky() -> fits.Header:
    header = axis(fits.Header(), 1, ctype="RA---TAN", crpix=32.0, crval=150.0, cdelt=-0.01)
    return axis(header, 2, ctype="DEC--TAN", crpix=30.0, crval=-30.0, cdelt=0.01)


def in_astropy(header: fits.Header, key: str = " ") -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(header, key=key)


def check(header: fits.Header, pixel: np.ndarray, unit: float = 0.0, alt: str = "", wcs: torch.Tensor | None = None):
    """Values within 1e-13 of astropy's (1e-14 of the unit), and back to the pixel."""
    wcs = wcs_from_header(header.tostring(), alt) if wcs is None else wcs
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    expected = in_astropy(header, alt or " ").wcs_pix2world(pixel, 0)
    np.testing.assert_allclose(world.numpy(), expected, rtol=1e-13, atol=1e-14 * unit)
    np.testing.assert_allclose(world_to_pixel(world, wcs).numpy(), pixel, rtol=0, atol=1e-8)


def codes(kind: str) -> list[str]:
    variable = TYPES[kind][0]
    return [f"-{x}2{variable}" for x in "FWAV"] + ["-GRI", "-GRA"]


@pytest.mark.parametrize("ctype", [kind + code for kind in TYPES for code in codes(kind)])
def test_every_type_with_every_algorithm(ctype: str) -> None:
    pixel = np.linspace(-200, 300, 1001)[:, None]
    check(spectrum(ctype), pixel, VELOCITY_UNIT.get(ctype[:4], 0.0))


@given(
    ctype=st.sampled_from([kind + code for kind in TYPES for code in codes(kind)[:4]]),
    decade=st.floats(14, 15),
    offset=st.floats(-0.3, 0.3),
    scale=st.floats(0.05, 1.5),
    crpix=st.floats(-50, 50),
)
def test_any_reference_value(ctype: str, decade: float, offset: float, scale: float, crpix: float) -> None:
    header = spectrum(ctype, 10**decade, 10**decade * (1 + offset))
    header["CDELT1"] *= scale
    header["CRPIX1"] = crpix
    check(header, np.linspace(0, 100, 23)[:, None], VELOCITY_UNIT.get(ctype[:4], 0.0))


@pytest.mark.parametrize("ctype", ["FREQ-LOG", "WAVE-LOG", "VELO-LOG", "TIME-LOG", "MASS-LOG"])
def test_logarithmic_axes(ctype: str) -> None:
    header = axis(fits.Header(), 1, ctype=ctype, crpix=3.0, crval=2.5e6, cdelt=4e4)
    check(header, np.linspace(-100, 300, 401)[:, None])
    _, status = torch.ops.fits.world_to_pixel_status(
        torch.tensor([[1.0], [0.0], [-1.0]], dtype=torch.float64), wcs_from_header(header.tostring())
    )
    assert status.tolist() == [0, 1, 1]
    header["CRVAL1"] = 0.0
    with pytest.raises(RuntimeError, match=r"CTYPE1 = '.*-LOG': CRVAL of a logarithmic axis must be positive"):
        wcs_from_header(header.tostring())


@pytest.mark.parametrize("path", sorted(DATA.glob("spectra/orion-*.hdr")), ids=lambda path: path.name)
def test_spectra_of_orion(path: Path) -> None:
    header = fits.Header.fromstring(path.read_bytes().decode("latin-1"))
    pixel = np.random.default_rng(3).uniform(0, 60, (200, in_astropy(header).naxis))
    check(header, pixel)


@pytest.mark.parametrize("name", ["header_with_time.fits", "header_with_time_wcslib71.fits"])
def test_headers_with_time(name: str) -> None:
    """SZP, WAVE-F2W and TIME together, as version A."""
    path = str(DATA / name)
    header = fits.getheader(path)
    wcs = torch.ops.fits.wcs_from_file(path, 0, "A")
    assert torch.equal(wcs, wcs_from_header(header.tostring(), "A"))
    pixel = np.random.default_rng(4).uniform([400, 400, 900, 0], [600, 600, 1100, 9], (300, 4))
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    np.testing.assert_allclose(world, in_astropy(header, "A").wcs_pix2world(pixel, 0), rtol=1e-12)
    np.testing.assert_allclose(world_to_pixel(world, wcs), pixel, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ctype", ["TIME", "UTC", "TAI", "TT", "TDB", "GPS"])
def test_time_axes(ctype: str) -> None:
    header = axis(fits.Header(), 1, ctype=ctype, cunit="s", crpix=1.0, crval=86.5, cdelt=0.125)
    header["MJDREFI"], header["MJDREFF"], header["TIMEUNIT"], header["TREFPOS"] = 55555, 0.25, "s", "GEOCENTER"
    check(header, np.linspace(0, 1000, 11)[:, None])


def test_conventions_of_aips() -> None:
    for ctype, velref in [("VELO-LSR", 257), ("VELO-HEL", 0), ("FELO-HEL", 0), ("FREQ-LSR", 0), ("VELO-OBS", 3)]:
        header = axis(fits.Header(), 1, ctype=ctype, crpix=1.0, crval=1e6, cdelt=-3e3)
        header["RESTFREQ"], header["VELREF"] = 1.420405752e9, velref
        check(header, np.linspace(0, 64, 9)[:, None], C)


def test_a_bad_point_on_the_sky_leaves_the_spectrum_alone() -> None:
    header = sky() + spectrum("VELO-F2V", i=3)
    header["CTYPE1"], header["CTYPE2"] = "RA---SIN", "DEC--SIN"
    axis(header, 4, ctype="STOKES", crpix=1.0, crval=1.0, cdelt=1.0)
    wcs = wcs_from_header(header.tostring())
    pixel = torch.tensor(
        [[30.0, 30, 5, 2], [1e5, 30, 5, 2], [30, 30, float("nan"), 2], [30, 30, -1e9, 2]], dtype=torch.float64
    )
    world, status = torch.ops.fits.pixel_to_world_status(pixel, wcs)
    assert status.tolist() == [0, 3, 4, 4]
    assert torch.isnan(world).tolist() == [
        [False] * 4, [True, True, False, False], [False, False, True, False], [False, False, True, False]
    ]  # fmt: skip
    assert torch.equal(world[1, 2:], world[0, 2:])
    good = world[0].repeat(3, 1)
    good[1, 2] = 1.5 * C
    good[2, 0] += 180
    back, status = torch.ops.fits.world_to_pixel_status(good, wcs)
    assert status.tolist() == [0, 4, 3]
    torch.testing.assert_close(back[1, [0, 1, 3]], pixel[0, [0, 1, 3]], rtol=0, atol=1e-8)
    torch.testing.assert_close(back[2, 2:], pixel[0, 2:], rtol=0, atol=1e-8)


@pytest.mark.parametrize("code", ["TSC", "CSC", "QSC"])
def test_faces_of_cubes(code: str) -> None:
    header = axis(fits.Header(), 1, ctype=f"ELON-{code}", crpix=16.5, crval=30.0, cdelt=-90 / 32)
    axis(header, 2, ctype=f"ELAT-{code}", crpix=16.5, crval=0.0, cdelt=90 / 32)
    axis(header, 3, ctype="CUBEFACE", crpix=1.0, crval=0.0, cdelt=1.0)
    random = np.random.default_rng(5)
    pixel = np.concatenate([random.uniform(0, 31, (600, 2)), random.integers(0, 6, (600, 1))], 1)
    wcs = wcs_from_header(header.tostring())
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    np.testing.assert_allclose(world, in_astropy(header).wcs_pix2world(pixel, 0), rtol=0, atol=1e-9)
    back = world_to_pixel(world, wcs)
    np.testing.assert_allclose(back, pixel, rtol=0, atol=0.02 if code == "CSC" else 1e-9)
    elsewhere = world.clone()
    elsewhere[:, 2] = 7  # the face follows from the position
    assert torch.equal(world_to_pixel(elsewhere, wcs), back)


def test_batch_of_mixed_axes() -> None:
    headers = [sky() + spectrum(ctype, i=3) for ctype in ("VELO-F2V", "WAVE-GRI", "AWAV-LOG", "FREQ")]
    batch = torch.ops.fits.wcs_from_headers([header.tostring() for header in headers])
    pixel = torch.rand(len(headers), 50, 3, dtype=torch.float64) * 60
    world = pixel_to_world(pixel, batch)
    for i, header in enumerate(headers):
        assert torch.equal(world[i], pixel_to_world(pixel[i], wcs_from_header(header.tostring())))


@pytest.mark.parametrize("ctype", ["VELO-F2V", "VOPT-W2W", "AWAV-F2A", "ZOPT-A2W", "BETA-GRA", "WAVE-GRI", "VRAD-LOG"])
def test_gradients(ctype: str) -> None:
    """Of coordinates in pixels, and back: scaled to a slope near 1 so that one tolerance serves all."""
    header = spectrum(ctype)
    header["CRVAL1"] = abs(header["CRVAL1"])
    wcs = wcs_from_header(header.tostring())
    slope = abs(header["CDELT1"])
    pixel = torch.linspace(-20, 60, 9, dtype=torch.float64)[:, None].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pixel_to_world(x, wcs) / slope, pixel, eps=1e-3, atol=1e-6)
    world = (pixel_to_world(pixel.detach(), wcs) / slope).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: world_to_pixel(x * slope, wcs), world, eps=1e-3, atol=1e-6)


def test_gradients_of_a_cube_and_of_faces() -> None:
    cube = wcs_from_header((sky() + spectrum("WAVE-V2W", i=3)).tostring())
    pixel = (torch.rand(5, 3, dtype=torch.float64) * 60).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pixel_to_world(x, cube), pixel, eps=1e-4, atol=1e-7)
    header = sky()
    header["CTYPE1"], header["CTYPE2"] = "RA---QSC", "DEC--QSC"
    faces = wcs_from_header(axis(header, 3, ctype="CUBEFACE", crpix=1.0, crval=0.0, cdelt=1.0).tostring())
    pixel = torch.tensor([[30.0, 20, 0], [31, 40, 3], [20, 20, 5]], dtype=torch.float64)
    matrix = torch.ops.fits.wcs_jacobian(pixel, faces)
    step = torch.tensor([1e-3, 0, 0], dtype=torch.float64)
    difference = (pixel_to_world(pixel + step, faces) - pixel_to_world(pixel - step, faces)) / 2e-3
    torch.testing.assert_close(matrix[:, :, 0], difference, rtol=1e-6, atol=1e-9)


def test_spectra_that_are_not_there() -> None:
    header = spectrum("WAVE-GRI")
    header["PV1_0"] = 5e6
    with pytest.raises(RuntimeError, match="no spectrum has this CRVAL"):
        wcs_from_header(header.tostring())
    header = spectrum("VELO-F2V")
    del header["RESTFRQ"]
    with pytest.raises(RuntimeError, match="wcslib"):
        wcs_from_header(header.tostring())


def test_axes_of_table_columns_are_refused_in_a_sentence() -> None:
    text = (DATA / "chandra-pixlist-wcs.hdr").read_bytes().decode("latin-1")
    with pytest.raises(RuntimeError, match=r"of table columns \(TCTYP5\): torchfits.WCS"):
        wcs_from_header(text)
    for keyword in ("1CTYP3", "TCTY12A", "2CTY7B"):
        with pytest.raises(RuntimeError, match=rf"\({keyword}\)"):
            wcs_from_header(fits.Header({keyword: "RA---TAN"}).tostring())
    for keyword in ("TCTYP", "XCTYP3", "TCTYPE"):
        with pytest.raises(RuntimeError, match="no world coordinates"):
            wcs_from_header(fits.Header({keyword: "RA---TAN"}).tostring())
