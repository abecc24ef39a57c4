"""World coordinates of table columns, WCS(header, keysel=..., colsel=...): against astropy."""

from __future__ import annotations

import warnings
from typing import Any

import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.io import fits
from wcs_samples import DATA, random_pixels

from torchfits import WCS


def check_against_astropy(header: fits.Header, naxis: int, alt: str = "", **chosen: Any) -> WCS:
    wcs = WCS(header, alt=alt, **chosen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = astropy.wcs.WCS(header, key=alt or " ", **chosen)
    assert wcs.naxis == oracle.naxis == naxis
    pixel = random_pixels(100, naxis, 60)
    expected = oracle.wcs_pix2world(pixel, 0)
    np.testing.assert_allclose(wcs.pixel_to_world(torch.from_numpy(pixel)), expected, rtol=1e-13, atol=1e-11)
    assert [one.strip() for one in wcs.ctype] == list(oracle.wcs.ctype)
    return wcs


def chandra() -> fits.Header:
    return fits.Header.fromtextfile(DATA / "chandra-pixlist-wcs.hdr")


def test_a_pixel_list_of_chandra() -> None:
    wcs = check_against_astropy(chandra(), 2, keysel=["image", "pixel"], colsel=[11, 12])
    assert list(wcs.ctype) == ["RA---TAN", "DEC--TAN"]
    assert not check_against_astropy(chandra(), 2, keysel=["pixel"], colsel=[5, 6]).has_celestial
    sky = check_against_astropy(chandra(), 2, keysel=["pixel"], colsel=[12, 11])
    assert sky == wcs  # axes are in the order of their columns
    assert WCS(chandra().tostring(), keysel=["pixel"], colsel=[11, 12]) == wcs


def events(alt: str = "") -> dict[str, Any]:
    """Columns 3, 7 and 8: time and the sky, with a matrix."""
    cards: dict[str, Any] = {"XTENSION": "BINTABLE", "NAXIS": 2, "NAXIS1": 24, "NAXIS2": 100, "TFIELDS": 9}
    cards |= {f"TCTYP3{alt}": "TIME", f"TCUNI3{alt}": "s", f"TCRVL3{alt}": 10.0, f"TCDLT3{alt}": 0.25}
    for column, (ctype, crval) in {7: ("RA---ZPN", 83.6), 8: ("DEC--ZPN", 22.0)}.items():
        cards |= {f"TCTYP{column}": ctype, f"TCUNI{column}": "deg", f"TCRVL{column}": crval}
        cards |= {f"TCRPX{column}": 30.5 + column, f"TCDLT{column}": 1e-3}
    cards |= {"TP7_7": -0.9, "TP7_8": 0.1, "TP8_7": 0.2, "TP8_8": 0.95, "TPV8_1": 1.0, "TPV8_3": -2.5}
    return cards | {"LONP7": 170.0, "EQUI7": 1950.0, "RADE7": "FK4", "MJDREF": 55000.0, "TIMESYS": "TT"}


def test_matrices_parameters_and_other_axes() -> None:
    header = fits.Header(events())
    wcs = check_against_astropy(header, 3, keysel=["pixel"])
    written = wcs.to_header()
    assert (written["RADESYS"], written["EQUINOX"]) == ("FK4", 1950.0)
    check_against_astropy(header, 2, keysel=["pixel"], colsel=[7, 8])
    one = check_against_astropy(header, 1, keysel=["pixel"], colsel=[3])
    assert one.ctype == ["TIME"]
    for key in [key for key in header if key[:2] == "TP" or key.startswith("TCDLT")]:
        del header[key]
    header.update({"TC7_7": -9e-4, "TC7_8": 1e-4, "TC8_7": 2e-4, "TC8_8": 9.5e-4, "TV8_1": 1.0, "TV8_2": 0.3})
    check_against_astropy(header, 2, keysel=["pixel"], colsel=[7, 8])


def test_alternates() -> None:
    header = fits.Header(events())
    for column, ctype in {7: "GLON-CAR", 8: "GLAT-CAR"}.items():
        header.update({f"TCTY{column}B": ctype, f"TCUN{column}B": "deg", f"TCRV{column}B": 0.0})
        header.update({f"TCRP{column}B": 5.5, f"TCDE{column}B": 0.5})
    header["TWCS7B"] = "galactic"
    wcs = check_against_astropy(header, 2, "B", keysel=["pixel"])
    assert list(wcs.ctype) == ["GLON-CAR", "GLAT-CAR"]


def arrays() -> dict[str, Any]:
    """Images in columns 2 and 5."""
    cards: dict[str, Any] = {"XTENSION": "BINTABLE", "NAXIS": 2, "NAXIS1": 24, "NAXIS2": 100, "TFIELDS": 9}
    for column, code in {2: "SIN", 5: "AIT"}.items():
        for axis, (ctype, crval) in {1: ("RA---", 83.6), 2: ("DEC--", 22.0)}.items():
            cards |= {f"{axis}CTYP{column}": ctype + code, f"{axis}CUNI{column}": "deg", f"{axis}CRVL{column}": crval}
            cards |= {f"{axis}CRPX{column}": 30.5 + column, f"{axis}CDLT{column}": 0.01 * column}
        cards |= {f"12PC{column}": 0.1, f"21PC{column}": -0.2, f"LATP{column}": 80.0}
    return cards | {"2PV2_1": 0.1, "2V2_2": -0.05, "3CTYP2": "FREQ", "3CRVL2": 1.4e9, "3CDLT2": 1e5, "3CUNI2": "Hz"}


def test_arrays_in_cells() -> None:
    header = fits.Header(arrays())
    check_against_astropy(header, 3, keysel=["binary"], colsel=[2])
    check_against_astropy(header, 2, keysel=["image", "binary", "pixel"], colsel=[5])
    with pytest.raises(
        ValueError, match=r"columns 2, 5 have arrays with world coordinates: choose one of them, as colsel=\[2\]"
    ):
        WCS(header, keysel=["binary"])


def test_images_are_as_without() -> None:
    header = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CDELT1": -0.1, "NAXIS": 2, "NAXIS1": 7}
    header["NAXIS2"] = 9
    assert WCS(header, keysel=["image", "pixel"]) == WCS(header)
    assert WCS(header, keysel=["image"]).pixel_shape == (7, 9)


def test_what_is_refused() -> None:
    for message, chosen in [
        ("keysel is a list of some of image, binary, pixel; not 'pixel'", {"keysel": "pixel"}),
        (r"not \['pixels'\]", {"keysel": ["pixels"]}),
        ("no world coordinates of the kinds pixel in columns 1, 2", {"keysel": ["pixel"], "colsel": [1, 2]}),
        ("colsel chooses among columns; say of which kind with keysel", {"colsel": [11, 12]}),
    ]:
        with pytest.raises(ValueError, match=message):
            WCS(chandra(), **chosen)
    for header, message in [
        (chandra(), r"\(TCTYP5\): torchfits.WCS\(header, keysel=\[\"pixel\"\], colsel=\[...\]\) reads them"),
        (arrays(), r"\(1CTYP2\): torchfits.WCS\(header, keysel=\[\"binary\"\]"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            WCS(header)
