"""torchfits.cutout against astropy's Cutout2D, and stamps turned north up against the resampled whole image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.nddata.utils import NoOverlapError
from astropy.wcs import WCS as AstropyWCS
from hypothesis import given
from hypothesis import strategies as st

import torchfits


@pytest.fixture(scope="module")
def image(m13: Path) -> np.ndarray:
    return fits.getdata(m13).astype("f4")


@pytest.fixture(scope="module")
def astropys(m13: Path) -> AstropyWCS:
    return AstropyWCS(fits.getheader(m13))


positions = st.floats(-20, 320)
lengths = st.integers(1, 70)


@given(st.tuples(positions, positions), st.tuples(lengths, lengths))
def test_pixels_as_cutout2d(m13: Path, image: np.ndarray, position: tuple[float, float], size: tuple[int, int]) -> None:
    try:
        theirs = Cutout2D(image, position, size, mode="partial").data
    except NoOverlapError:
        theirs = np.full(size, np.nan, "f4")
        with pytest.raises(ValueError, match="wholly outside"):
            torchfits.cutout(m13, position, size, mode="trim")
    else:
        trimmed = torchfits.cutout(m13, position, size, mode="trim", dtype=torch.float32)
        assert np.array_equal(trimmed, Cutout2D(image, position, size, mode="trim").data)
    ours = torchfits.cutout(m13, position, size, dtype=torch.float32)
    assert np.array_equal(ours, theirs, equal_nan=True)
    if np.isnan(theirs).any():
        with pytest.raises(ValueError, match=r"lies partly outside the image of \[300, 300\]"):
            torchfits.cutout(m13, position, size, mode="strict")
    else:
        assert torchfits.cutout(m13, position, size, mode="strict").equal(ours.to(torch.int16))


@pytest.mark.parametrize("mode", ["partial", "trim", "strict"])
@pytest.mark.parametrize("size", [(31, 44), "20arcsec", ("20arcsec", 40), 20 * units.arcsec], ids=str)
def test_sky_as_cutout2d(m13: Path, image: np.ndarray, astropys: AstropyWCS, size: Any, mode: str) -> None:
    inner = mode == "strict"
    at = np.array([[150.2, 120.7], [60.3, 80.4]]) if inner else np.array([[150.2, 120.7], [2.2, 299.3]])
    sky = astropys.all_pix2world(at, 0)
    stamps, wcs = torchfits.cutout(m13, sky, size, unit="sky", mode=mode, dtype=torch.float32, return_wcs=True)
    assert len(stamps) == len(wcs) == 2
    sides = [
        units.Quantity(one) if isinstance(one, str) else one
        for one in (size if isinstance(size, tuple) else [size] * 2)
    ]
    for stamp, ours, place in zip(stamps, wcs, sky):
        coordinate = SkyCoord(*place, unit="deg")
        theirs = Cutout2D(image, coordinate, sides, wcs=astropys, mode=mode)
        assert np.array_equal(stamp, theirs.data, equal_nan=True)
        assert ours.pixel_shape == stamp.shape[::-1]
        pixels = np.array([[0.0, 0.0], [7.0, 3.5]])
        assert np.allclose(ours.pixel_to_world(pixels), theirs.wcs.all_pix2world(pixels, 0), rtol=0, atol=1e-11)
        one = torchfits.cutout(m13, coordinate, size, mode=mode, dtype=torch.float32)
        assert np.array_equal(one, stamp, equal_nan=True)


def test_the_middle_of_a_pixel_on_the_sky_is_its_middle(m13: Path, astropys: AstropyWCS) -> None:
    """Rounding of world coordinates moves no stamp by a pixel."""
    at = np.random.default_rng(5).integers(20, 280, (500, 2)).astype(float)
    sky = astropys.all_pix2world(at, 0)
    for size in (8, 9):
        assert torchfits.cutout(m13, sky, size, unit="sky").equal(torchfits.cutout(m13, at, size))


def test_what_a_stamp_is_made_of(tmp_path: Path) -> None:
    """Channels, dtypes, fill values, cubes, one position and many."""
    path = tmp_path / "aligned.fits"
    cube = np.arange(4 * 20 * 30, dtype="i4").reshape(4, 20, 30)
    science = np.arange(600, dtype=">f4").reshape(20, 30)
    mask = (science.astype("u2") % 7).astype("u2")
    fits.HDUList(
        [fits.PrimaryHDU(), fits.ImageHDU(science, name="SCI"), fits.ImageHDU(mask, name="DQ"), fits.ImageHDU(cube)]
    ).writeto(path)
    with torchfits.open(path) as file:
        both = torchfits.cutout(file, [[5, 6], [29, 0]], 4, hdu=[1, 2])
        assert both.shape == (2, 2, 4, 4)
        assert both.dtype == torch.float32
        assert both[0, 0].equal(torch.from_numpy(science[4:8, 3:7].astype("f4")))
        assert both[0, 1].equal(torch.from_numpy(mask[4:8, 3:7].astype("f4")))
        assert torchfits.cutout(file, (5, 6), 4, hdu=[1, 2]).equal(both[0])
        flags = torchfits.cutout(file["DQ"], (29, 0), 4)
        assert flags.dtype == torch.uint16
        assert np.array_equal(flags.numpy(), np.pad(mask[:2, 27:], ((2, 0), (0, 1))))
        assert torchfits.cutout(file, (29, 0), 4, hdu="DQ", fill=9).view(torch.int16)[0, 0] == 9
        # The axes that a centre does not name are whole
        assert torchfits.cutout(file, (5, 6), 4, hdu=3).equal(torch.from_numpy(cube[:, 4:8, 3:7]))
        assert torchfits.cutout(file, (5, 6, 2), (1, 4, 4), hdu=3).equal(torch.from_numpy(cube[2:3, 4:8, 3:7]))
        assert torchfits.cutout(file, torch.empty(0, 2), 4, hdu=3).shape == (0, 4, 4, 4)
        for mode in ("trim", "strict"):
            with pytest.raises(ValueError, match=r"HDUs of one shape: .*\[1\] is \[20, 30\], .*\[3\] \[4, 20, 30\]"):
                torchfits.cutout(file, (5, 6), 4, hdu=[1, 3], mode=mode)
            assert torchfits.cutout(file, (5, 6), 4, hdu=[1, 2], mode=mode).equal(both[0])
    assert torchfits.cutout(path.read_bytes(), (5, 6), 4).equal(both[0, 0])
    assert torchfits.cutout(f"{path}[DQ]", (29, 0), 4).view(torch.int16).equal(flags.view(torch.int16))


def test_sky_stamps_of_a_cube(tmp_path: Path, m13: Path, astropys: AstropyWCS) -> None:
    """The celestial axes are cut; the WCS that comes back is the cube's."""
    header = fits.getheader(m13)
    header["CTYPE3"], header["CRVAL3"], header["CDELT3"], header["CRPIX3"] = "FREQ", 1.4e9, 1e6, 1.0
    cube = np.random.default_rng(0).normal(size=(3, 300, 300)).astype("f4")
    path = tmp_path / "cube.fits"
    fits.PrimaryHDU(cube, header).writeto(path)
    sky = astropys.all_pix2world([[150.0, 40.0]], 0)[0]
    stamp, wcs = torchfits.cutout(path, sky, 8, unit="sky", return_wcs=True)
    assert stamp.equal(torch.from_numpy(cube[:, 36:44, 146:154]))
    assert wcs.pixel_shape == (8, 8, 3)
    right = [*astropys.all_pix2world([[147.0, 38.0]], 0)[0], 1.402e9]
    assert np.allclose(wcs.pixel_to_world([1.0, 2.0, 2.0]), right, rtol=1e-12)
    turned = torchfits.cutout(path, sky, 8, unit="sky", north_up=True)
    assert turned.shape == (3, 8, 8)
    for plane, found in zip(cube, turned):
        fits.writeto(path, plane, fits.getheader(m13), overwrite=True)
        assert torchfits.cutout(path, sky, 8, unit="sky", north_up=True).allclose(found, rtol=1e-5)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
def test_north_up(m13: Path, method: str) -> None:
    """The boxes that are read hold all that resampling the whole image looks at."""
    whole = torchfits.read(m13, dtype=torch.float32)
    wcs = torchfits.WCS.from_file(m13)
    at = torch.tensor([[150.0, 150.0], [3.0, 290.0], [299.0, 10.0], [77.3, 5.5]], dtype=torch.float64)
    sky = wcs.pixel_to_world(at)
    for scale, size in ((None, (40, 50)), ("5arcsec", 90), (1 / 7200, 64)):
        options = {"unit": "sky", "north_up": True, "pixel_scale": scale, "method": method}
        stamps, found = torchfits.cutout(m13, sky, size, **options, dtype=torch.float32, return_wcs=True)
        right, _ = torch.ops.fits.resample(whole, wcs.packed, found.packed, list(stamps.shape[-2:]), method)
        assert torch.equal(stamps.isnan(), right.isnan())
        assert torch.allclose(stamps, right, rtol=1e-5, atol=1e-3, equal_nan=True)
        assert stamps[0].isnan().sum() == 0 or scale == "5arcsec"
        middle = (torch.tensor(stamps.shape[:-3:-1], dtype=torch.float64) - 1) / 2
        assert torch.allclose(found.pixel_to_world(middle.expand(4, 2)), sky, rtol=0, atol=1e-12)
        one = torchfits.cutout(m13, sky[1], size, **options, dtype=torch.float32)
        assert torch.allclose(one, stamps[1], rtol=1e-5, atol=1e-3, equal_nan=True)
    with pytest.raises(ValueError, match="cutout 1 lies partly outside"):
        torchfits.cutout(m13, sky, 40, unit="sky", north_up=True, mode="strict")
    assert torchfits.cutout(m13, sky[:0], 40, unit="sky", north_up=True).shape == (0, 40, 40)


@pytest.mark.parametrize("unit", ["pixel", "sky"])
def test_no_position_at_all(m13: Path, unit: str) -> None:
    none = torch.empty(0, 2)
    for options in ({"mode": "partial"}, {"mode": "strict"}, {"north_up": True}):
        stamps, wcs = torchfits.cutout(m13, none, (7, 8), unit=unit, return_wcs=True, **options)
        assert stamps.shape == (0, 7, 8)
        assert (len(wcs), wcs.pixel_shape) == (0, (8, 7))
    assert torchfits.cutout(m13, none, (7, 8), unit=unit, return_wcs=True, mode="trim") == ([], [])


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_north_up_of_integers(m13: Path, tmp_path: Path, kind: str) -> None:
    """Values of the type: the nearest to those of a precision that holds them, 0 outside."""
    header = fits.getheader(m13)
    for key in ("BITPIX", "BZERO", "BSCALE"):
        header.remove(key, ignore_missing=True)
    most = int(min(np.iinfo(kind).max, 2**53))
    values = np.random.default_rng(1).integers(most // 2, most - 3, (300, 300)).astype(kind)
    path = tmp_path / "integers.fits"
    fits.PrimaryHDU(values, header).writeto(path)
    found = torchfits.cutout(path, (4, 280), 40, north_up=True)
    exact = torch.float32 if kind[1] in "12" else torch.float64
    right = torchfits.cutout(path, (4, 280), 40, north_up=True, dtype=exact)
    assert found.dtype == torch.from_numpy(values).dtype
    assert right.isnan().any()
    assert np.array_equal(found.numpy(), right.nan_to_num(0).round().numpy().astype(kind))


def test_north_up_of_what_is_not_known_inside(m13: Path, tmp_path: Path) -> None:
    """mode="strict" is about the image's edges, not about its NaN; half precision is of the result alone."""
    values = fits.getdata(m13).astype("f4") * 100
    values[140:150, 140:150] = np.nan
    path = tmp_path / "holes.fits"
    fits.PrimaryHDU(values, fits.getheader(m13)).writeto(path)
    centers = [(145, 145), (100, 150)]
    stamps = torchfits.cutout(path, centers, 30, north_up=True, mode="strict")
    assert stamps[0].isnan().any()
    half = torchfits.cutout(path, centers, 30, north_up=True, dtype=torch.float16)
    assert torch.equal(half.nan_to_num(1), stamps.half().nan_to_num(1))
    with pytest.raises(ValueError, match="cutout 1 lies partly outside"):
        torchfits.cutout(path, [(145, 145), (5, 150)], 30, north_up=True, mode="strict")


def test_north_up_at_the_pole_of_a_map(tmp_path: Path) -> None:
    """A stamp across the pole and the seam of an all-sky image needs pixels from all along its edge."""
    header = fits.Header({"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CRPIX1": 180.5, "CRPIX2": 90.5})
    header.update({"CRVAL1": 0.0, "CRVAL2": 0.0, "CDELT1": -1.0, "CDELT2": 1.0})
    sky_map = np.add.outer(np.linspace(-89.5, 89.5, 180), np.zeros(360)).astype("f4")
    path = tmp_path / "map.fits"
    fits.PrimaryHDU(sky_map, header).writeto(path)
    wcs = torchfits.WCS.from_file(path)
    for center in ([30.0, 89.0], [180.0, 10.0]):
        stamp, found = torchfits.cutout(path, center, 9, unit="sky", north_up=True, method="nearest", return_wcs=True)
        right, _ = torch.ops.fits.resample(torch.from_numpy(sky_map), wcs.packed, found.packed, [9, 9], "nearest")
        assert stamp.equal(right)


CENTERS = np.array([[150.0, 120.0], [3.0, 299.0]])


@pytest.mark.parametrize(
    "center",
    [
        CENTERS.astype(">f4"),  # as columns of FITS files are
        CENTERS[:, ::-1].copy()[:, ::-1],
        np.broadcast_to(CENTERS, (1, 2, 2))[0],
        CENTERS.astype(object),
        CENTERS.astype(">u2"),
        CENTERS * units.pix,
        list(CENTERS),
        [tuple(torch.tensor(one)) for one in CENTERS],
        [torch.tensor(one) for one in CENTERS],
        torch.tensor(CENTERS, requires_grad=True),
        np.ma.array(CENTERS),
    ],
)
def test_centers_of_any_array(m13: Path, center: Any) -> None:
    right = torchfits.cutout(m13, CENTERS.tolist(), 8)
    assert torchfits.cutout(m13, center, 8).equal(right)
    assert torchfits.cutout(m13, center[0], 8).equal(right[0])


def test_units_of_centers_and_sizes(m13: Path) -> None:
    """A Quantity says its unit: radians are not degrees, nor pixels angles."""
    place = (250.42, 36.46)
    stamp = torchfits.cutout(m13, place, 20, unit="sky")
    radians = units.Quantity(place, "deg").to("rad")
    for center in (radians, tuple(radians)):
        for size in (20 * units.pix, (20 * units.pix, 20), torch.tensor([20, 20])):
            assert torchfits.cutout(m13, center, size, unit="sky").equal(stamp)
    with pytest.raises(ValueError, match=r"not convertible to pix: .* of unit='sky'"):
        torchfits.cutout(m13, radians, 20)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"center": "10h00m24s -32d12m"}, "give an astropy SkyCoord"),
        ({"center": {"x": 1, "y": 2}}, "a center is numbers"),
        ({"center": (1j, 2)}, "a center is numbers"),
        ({"center": torch.tensor([1j, 2])}, "real numbers"),
        ({"center": zip([1], [2])}, "a center is numbers"),
        ({"dtype": "float32"}, "dtype is 'float32'; give one of torch's"),
        ({"dtype": np.float32}, "give one of torch's, such as torch.float32"),
        ({"fill": "nan"}, "fill is 'nan'; give a number"),
        ({"size": None}, "a size is a number of pixels or an angle"),
        ({"size": 3 * units.Jy}, "a size is a number of pixels or an angle"),
    ],
)
def test_what_is_no_number(m13: Path, change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"center": (5, 6), "size": 4} | change
    with pytest.raises(TypeError, match=message) as caught:
        torchfits.cutout(m13, **arguments)
    assert "\n" not in str(caught.value)


def test_stamps_larger_than_memory(m13: Path) -> None:
    with pytest.raises(RuntimeError, match=r"a tensor of \[1, 1, 9000000, 9000000\] takes 162000000000000 bytes"):
        torchfits.cutout(m13, (5, 6), 9_000_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"center": (36.46, 250.42), "unit": "sky"}, r"a latitude of 250.42 degrees: .*\(longitude, latitude\)"),
        ({"center": [(1, 2), (36.46, 250.42)], "unit": "sky"}, r"a latitude of 250.42 degrees"),
        ({"center": np.ma.array(CENTERS, mask=[[0, 0], [1, 0]])}, r"center 1 has no place.*\[nan, 299.0\]"),
        ({"size": float("nan")}, "a size of nan pixels"),
        ({"size": 1e30}, "a size of 1e\\+30 pixels"),
        ({"size": 2**40}, "too many elements for memory"),
        ({"mode": "crop"}, "mode 'crop' is not known"),
        ({"unit": "deg"}, "unit 'deg' is not known"),
        ({"size": "15 parsec"}, "'15 parsec' is not an angle"),
        ({"size": 0}, "holds none"),
        ({"size": (1, 2, 3)}, "size has 3 lengths"),
        ({"center": (1, 2, 3)}, "3 coordinates, and the image .* has 2 axes"),
        ({"center": (float("nan"), 2)}, "the center has no place"),
        ({"center": [(1, 2), (70.0, -80.0)], "unit": "sky"}, "center 0 has no place"),
        ({"center": [[[1, 2]]]}, r"centers are \[N\] or \[B, N\]"),
        ({"center": (1, 2, 3), "unit": "sky"}, "longitude, latitude"),
        ({"center": 3.0, "unit": "sky"}, r"longitude, latitude.* not of shape \[\]"),
        ({"center": 3.0}, "0 coordinates"),
        ({"pixel_scale": 1}, "pixel_scale= is for north_up=True"),
        ({"north_up": True, "mode": "trim"}, "is not trimmed"),
        ({"hdu": []}, "names no HDU"),
    ],
)
def test_what_cannot_be_asked(m13: Path, change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"center": (5, 6), "size": 4} | change
    with pytest.raises(ValueError, match=message):
        torchfits.cutout(m13, **arguments)


def test_sources_that_contradict(m13: Path) -> None:
    with pytest.raises(ValueError, match="leave the section out"):
        torchfits.cutout(f"{m13}[0][1:10,1:10]", (5, 6), 4)
    with pytest.raises(ValueError, match="given twice"):
        torchfits.cutout(f"{m13}[0]", (5, 6), 4, hdu=0)
    with torchfits.open(m13) as file, pytest.raises(ValueError, match="given twice"):
        torchfits.cutout(file[0], (5, 6), 4, hdu=0)
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.zeros((4, 4), "f4")).writeto(buffer)
    with pytest.raises(ValueError, match="no celestial axes"):
        torchfits.cutout(buffer.getvalue(), (5, 6), 4, unit="sky")
