"""wcs_to_header of WCS with polynomial distortions: the same numbers come back, and astropy reads them."""

from __future__ import annotations

import gzip
import io
import itertools
import pickle
import warnings
from typing import Any

import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from wcs_samples import DATA, SURFACES, random_pixels, separation, sip_header, sky_header, surface_cards

import torchfits

wcs_from_header = torch.ops.fits.wcs_from_header
pixel_to_world = torch.ops.fits.pixel_to_world
wcs_crop = torch.ops.fits.wcs_crop
wcs_to_header = torch.ops.fits.wcs_to_header

DISTORTION = 7  # slot of the head: what the header calls its distortions

# Any finite number of ordinary size, of all its digits.
numbers = st.floats(-2, 2).filter(lambda x: x == 0 or abs(x) > 1e-12)


def text_of(header: fits.Header, more: str = "") -> str:
    return header.tostring(endcard=False, padding=False) + more


def records(kind: str, **fields: dict[str, float]) -> str:
    """CQDISi or CPDISj with the records of DQi or DPj."""
    lines = []
    for key, values in fields.items():
        lines.append(f"C{key[1]}DIS{key[2]}  = '{kind}'")
        lines += [f"{key}     = '{field}: {value!r}'" for field, value in values.items()]
    return "".join(f"{line:80}" for line in lines)


def in_astropy(text: str) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(text.replace("\n", "").encode())


def check_cards(text: str) -> None:
    for line in text.split("\n"):
        assert len(line) == 80
        fits.Card.fromstring(line).verify("exception")


def check_written(wcs: torch.Tensor, size: float = 2048, with_astropy: bool = True) -> str:
    """The header of a WCS: valid cards, the same coordinates bit for bit, and astropy's."""
    text: str = wcs_to_header(wcs)
    check_cards(text)
    again = wcs_from_header(text)
    pixel = random_pixels(200, int(wcs[2]), size)
    world = pixel_to_world(torch.from_numpy(pixel), wcs)
    assert torch.equal(pixel_to_world(torch.from_numpy(pixel), again).nan_to_num(), world.nan_to_num())
    assert wcs_to_header(again) == text
    if with_astropy:
        expected = in_astropy(text).wcs_pix2world(pixel, 0)
        good = ~np.isnan(expected).any(-1) & ~torch.isnan(world).any(-1).numpy()
        assert good.any()
        sky = [int(wcs[3]), int(wcs[4])]  # longitude and latitude
        assert separation(world.numpy()[good][:, sky], expected[good][:, sky]).max() < 1e-9
        np.testing.assert_allclose(world.numpy()[good, 2:], expected[good, 2:], rtol=1e-11)
    return text


def field_header(code: str = "TAN") -> fits.Header:
    return sky_header(code, scale=1e-4)


@given(st.dictionaries(st.tuples(st.sampled_from([1, 2]), st.integers(0, 39)), numbers, max_size=20), st.booleans())
def test_tpv(terms: dict[tuple[int, int], float], latitude_first: bool) -> None:
    """With the latitude first as TPD: wcslib takes PVi_1 for the coefficient of the other axis there."""
    header = field_header("TPV")
    if latitude_first:
        header["CTYPE1"], header["CTYPE2"] = header["CTYPE2"], header["CTYPE1"]
        header["CRVAL1"], header["CRVAL2"] = header["CRVAL2"], header["CRVAL1"]
    for (axis, m), value in terms.items():
        header[f"PV{axis}_{m}"] = value * 1e-2
    for axis in (1, 2):
        header[f"PV{axis}_1"] = 1 + terms.get((axis, 1), 0.0) * 1e-3
    wcs = wcs_from_header(text_of(header))
    text = check_written(wcs)
    assert ("RA---TPV" in text) == (not latitude_first)
    assert latitude_first or torch.equal(wcs_from_header(text), wcs)


def test_scamp_of_before_2012() -> None:
    header = field_header()
    header["PV1_1"], header["PV2_1"], header["PV1_5"], header["PV2_10"] = 1.0, 1.001, 1e-2, -3e-2
    wcs = wcs_from_header(text_of(header))
    text = check_written(wcs)
    assert torch.equal(wcs_from_header(text), wcs)
    assert "RA---TPV" in text


# A record of an axis of a cube: variables, where they count from, what is linear in them, and terms.
@st.composite
def tpd_records(draw: Any, naxis: int, axis: int) -> dict[str, float]:
    count = draw(st.integers(1, 2))
    others = [other for other in range(1, naxis + 1) if other != axis]
    variables = [axis, draw(st.sampled_from(others))][:count]
    if draw(st.booleans()):
        variables.reverse()
    fields: dict[str, float] = {"NAXES": count}
    for i, variable in enumerate(variables, 1):
        fields[f"AXIS.{i}"] = variable
        if draw(st.booleans()):
            fields[f"OFFSET.{i}"] = draw(numbers) * 1e-2
        if draw(st.booleans()):
            fields[f"SCALE.{i}"] = 1 + draw(numbers) / 4
    if count == 2 and draw(st.booleans()):
        for k, i in itertools.product((1, 2), range(3)):
            fields[f"AUX.{k}.COEFF.{i}"] = draw(numbers) * (1e-2 if i == 0 else 1)
    odd = (3, 11, 23, 39, 59)  # of r, which one variable does not have
    terms = st.sampled_from([m for m in range(60) if count == 2 or m not in odd])
    for m in draw(st.lists(terms, min_size=1, max_size=6, unique=True)):
        fields[f"TPD.FWD.{m}"] = draw(numbers) * 1e-3
    return fields


@given(st.data())
def test_tpd_after_the_matrix(data: st.DataObject) -> None:
    header = field_header("SIN")
    header["CTYPE3"], header["CRVAL3"], header["CD3_3"], header["CUNIT3"] = "FREQ", 1.4, 1e-3, "Hz"
    axes = data.draw(st.sampled_from([[1, 2, 3], [1, 2], [2, 3], [3]]))
    cards = records("TPD", **{f"DQ{axis}": data.draw(tpd_records(3, axis)) for axis in axes})
    wcs = wcs_from_header(text_of(header, cards))
    every = len(axes) == 3  # astropy's wcslib (8.6) raises where an axis has no distortion
    assert torch.equal(wcs_from_header(check_written(wcs, 100, with_astropy=every)), wcs)


@given(st.data(), st.booleans())
def test_new_coordinates(data: st.DataObject, prior: bool) -> None:
    """DOCORR = 0: the polynomial is the coordinate itself."""
    key = "DP" if prior else "DQ"
    cards = ""
    for axis in (1, 2):
        fields = {"NAXES": 2, "AXIS.1": axis, "AXIS.2": 3 - axis, "DOCORR": 0, "TPD.FWD.1": 1.0}
        for m in (0, 2, 3, 4, 5, 6):
            fields[f"TPD.FWD.{m}"] = data.draw(numbers) * 1e-4
        cards += records("TPD", **{f"{key}{axis}": fields})
    wcs = wcs_from_header(text_of(field_header(), cards))
    assert torch.equal(wcs_from_header(check_written(wcs, with_astropy=not prior)), wcs)


@given(st.data())
def test_general_polynomials(data: st.DataObject) -> None:
    """Before the matrix, where astropy does not read them, and after it."""
    cards = ""
    for key in data.draw(st.lists(st.sampled_from(["DP1", "DP2", "DQ1", "DQ2"]), min_size=1, unique=True)):
        fields: dict[str, float] = {"NAXES": 2, "OFFSET.1": -40.5, "OFFSET.2": data.draw(numbers) - 50, "NAUX": 1}
        fields |= {"AUX.1.COEFF.0": 9.5 + data.draw(numbers), "AUX.1.COEFF.2": 0.5, "AUX.1.POWER.0": 0.75}
        count = data.draw(st.integers(1, 4))
        fields["NTERMS"] = count
        for m in range(1, count + 1):
            fields[f"TERM.{m}.COEFF"] = data.draw(numbers) * 1e-4
            fields[f"TERM.{m}.VAR.1"] = data.draw(st.sampled_from([0, 1, 2, 0.5]))
            fields[f"TERM.{m}.VAR.2"] = data.draw(st.sampled_from([0, 1, -1]))
            fields[f"TERM.{m}.AUX.1"] = data.draw(st.sampled_from([0, 1, 1.5]))
        cards += records("Polynomial", **{key: fields})
    wcs = wcs_from_header(text_of(field_header(), cards))
    again = wcs_from_header(check_written(wcs, 300, with_astropy=False))
    expected = wcs.clone()
    expected[DISTORTION] = again[DISTORTION]  # what the template holds becomes TPD
    assert torch.equal(again, expected)


@pytest.mark.parametrize("code", ["TNX", "ZPX"])
@pytest.mark.parametrize("surface", SURFACES)
def test_surfaces_of_iraf(code: str, surface: tuple[int, int, int, int]) -> None:
    header = field_header(code)
    header.update(surface_cards(code, *surface))
    written = check_written(wcs_from_header(text_of(header)))
    assert ("RA---TAN" if code == "TNX" else "RA---ZPN") in written
    assert "CQDIS2  = 'TPD'" in written


def plate_header() -> fits.Header:
    with gzip.open(next(DATA.glob("dss*.fits.gz"))) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.Header.fromstring(fits.open(file)[0].header.tostring())


def test_plates_of_the_digitized_sky_survey() -> None:
    wcs = wcs_from_header(plate_header().tostring())
    text = check_written(wcs, 300)
    expected = in_astropy(plate_header().tostring()).wcs_pix2world(random_pixels(100, 2, 300), 0)
    found = in_astropy(text).wcs_pix2world(random_pixels(100, 2, 300), 0)
    assert separation(found, expected).max() < 1e-9


def tpv_header() -> fits.Header:
    header = field_header("TPV")
    for axis, m in itertools.product((1, 2), range(40)):
        header[f"PV{axis}_{m}"] = 1.0 if m == 1 else (-1) ** m * 1e-2 / (m + axis)
    return header


def prior_cards(strength: float = 1.0) -> str:
    common = {"NAXES": 2, "NTERMS": 3, "OFFSET.1": 900.5, "OFFSET.2": -20.25, "TERM.1.COEFF": strength * 1e-5}
    common |= {"TERM.1.VAR.1": 2, "TERM.2.COEFF": 1e-5, "TERM.2.VAR.2": 1, "TERM.3.COEFF": 1e-4, "TERM.3.VAR.2": 1.5}
    return records("Polynomial", DP1=common, DP2=common | {"DOCORR": 0, "TERM.2.COEFF": 1.0})


numbers_of_pixels = st.integers(-300, 300)
steps = st.integers(-5, 5).filter(bool)
WHOLE = [text_of(tpv_header()), plate_header().tostring(), text_of(field_header(), prior_cards())]


@given(st.sampled_from(WHOLE), st.tuples(numbers_of_pixels, st.integers(0, 300)), st.none() | st.tuples(steps, steps))
def test_cutouts(text: str, corner: tuple[int, int], step: tuple[int, int] | None) -> None:
    wcs = wcs_from_header(text)
    start = torch.tensor([corner[1], corner[0]])  # y first; rows below -20 have no power 1.5
    stride = None if step is None else [abs(step[0]), step[1]]
    cut = wcs_crop(wcs, start, stride)
    pixel = torch.from_numpy(random_pixels(50, 2, 100))
    original = start.flip(0) + torch.tensor(stride or [1, 1]).flip(0) * pixel
    expected = pixel_to_world(original, wcs)
    assert not torch.isnan(expected).any()
    written = wcs_to_header(cut)
    check_cards(written)
    assert separation(pixel_to_world(pixel, wcs_from_header(written)).numpy(), expected.numpy()).max() < 1e-13


def test_sip_beside_polynomials_of_paper_iv() -> None:
    """SIP first: astropy's, and of what comes out wcslib's part."""
    header = sip_header(3)
    prior = records("TPD", DP1={"NAXES": 2, "TPD.FWD.4": 1e-6}, DP2={"NAXES": 2, "TPD.FWD.5": -2e-6})
    after = records("TPD", DQ1={"NAXES": 2, "TPD.FWD.4": 1e-2}, DQ2={"NAXES": 2, "TPD.FWD.5": 3e-2})
    pixel = random_pixels(500)
    for cards in (prior, after, prior + after):
        wcs = wcs_from_header(text_of(header, cards))
        oracle = in_astropy(text_of(header))
        bare = header.copy()
        bare["CTYPE1"], bare["CTYPE2"] = "RA---TAN", "DEC--TAN"
        for key in [key for key in bare if key[:2] in ("A_", "B_")]:
            del bare[key]
        oracle.wcs = astropy.wcs.Wcsprm(text_of(bare, cards).encode())
        found = pixel_to_world(torch.from_numpy(pixel), wcs)
        assert separation(found.numpy(), oracle.all_pix2world(pixel, 0)).max() < 1e-11
        back = torch.ops.fits.world_to_pixel(found, wcs)
        torch.testing.assert_close(back, torch.from_numpy(pixel), rtol=0, atol=3e-9)
        assert torch.equal(wcs_from_header(wcs_to_header(wcs)), wcs)
        point = torch.from_numpy(pixel[:4]).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, wcs=wcs: pixel_to_world(x, wcs), point, eps=1e-2, atol=1e-9)


@pytest.mark.parametrize(
    "name, hdu, message",
    [
        ("tab-time-last-axis.fits", 0, "the coordinates of its -TAB axes are cells of a table in another HDU"),
        ("dist.fits", 0, "the tables of its detector-to-image correction .D2IMDIS. are images in another HDU"),
        ("dist_lookup.fits.gz", 1, "the lookup tables of its distortion .CPDIS. are images in another HDU"),
    ],
)
def test_what_lies_in_other_hdus(name: str, hdu: int, message: str) -> None:
    wcs = torch.ops.fits.wcs_from_file(str(DATA / name), hdu)
    with pytest.raises(ValueError, match=f"no header alone describes this WCS: {message}; keep the packed tensor"):
        wcs_to_header(wcs)
    file = io.BytesIO()
    torch.save(wcs, file)
    file.seek(0)
    assert torch.equal(torch.load(file), wcs)
    whole = torchfits.WCS.from_packed(wcs)
    assert pickle.loads(pickle.dumps(whole)) == whole


def test_headers_of_the_class() -> None:
    for text in WHOLE:
        wcs = torchfits.WCS(text)
        again = torchfits.WCS(wcs.to_header())
        pixel = torch.from_numpy(random_pixels(20))
        assert torch.equal(again.pixel_to_world(pixel).nan_to_num(), wcs.pixel_to_world(pixel).nan_to_num())
