"""torchfits.WCS beside astropy.wcs.WCS: the same header in both, every method; batches, parts, objects, copies."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.coordinates import FK4, FK5, ICRS, Galactic, SkyCoord, SpectralCoord
from astropy.io import fits
from astropy.wcs.wcsapi import BaseLowLevelWCS, HighLevelWCSWrapper, SlicedLowLevelWCS
from hypothesis import given
from hypothesis import strategies as st

import torchfits
from torchfits import WCS, Header, wcs_layout

ROOT = Path(__file__).resolve().parents[1]


def sky(code: str = "TAN", axes: tuple[int, int] = (30, 20), **more: Any) -> fits.Header:
    header = fits.Header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 2, "NAXIS1": axes[0], "NAXIS2": axes[1]})
    header.update({"CTYPE1": f"RA---{code}", "CTYPE2": f"DEC--{code}", "CRVAL1": 150.1, "CRVAL2": 2.2})
    header.update({"CRPIX1": 15.5, "CRPIX2": 9.25, "CD1_1": -1e-4, "CD1_2": 2e-5, "CD2_1": 3e-5, "CD2_2": 1.1e-4})
    header.update(more)
    return header


def sip() -> fits.Header:
    header = sky("TAN-SIP")
    header.update({"A_ORDER": 2, "B_ORDER": 3, "A_2_0": 3e-4, "A_1_1": -2e-4, "B_0_2": 1e-4, "B_3_0": 4e-6})
    return header


def cube(order: tuple[int, int, int, int] = (1, 2, 3, 4)) -> fits.Header:
    """RA, DEC, FREQ and STOKES on these axes."""
    ra, dec, freq, stokes = order
    header = fits.Header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 4, **{f"NAXIS{n}": 5 * n for n in range(1, 5)}})
    for n, cards in {
        ra: ("RA---SIN", 30.0, -0.01, 3.0, "deg"),
        dec: ("DEC--SIN", 45.0, 0.01, 4.0, "deg"),
        freq: ("FREQ", 1.4, 0.001, 2.0, "GHz"),
        stokes: ("STOKES", 1.0, 1.0, 1.0, ""),
    }.items():
        for key, value in zip(("CTYPE", "CRVAL", "CDELT", "CRPIX", "CUNIT"), cards):
            header[f"{key}{n}"] = value
    return header


HEADERS = {
    "TAN": sky(),
    "SIP": sip(),
    "all sky": sky("AIT", CD1_1=-1.0, CD1_2=0, CD2_1=0, CD2_2=1.0),
    "galactic": sky(CTYPE1="GLON-CAR", CTYPE2="GLAT-CAR"),
    "latitude first": sky(CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=2.2, CRVAL2=150.1),
    "FK5": sky(RADESYS="FK5", EQUINOX=1975.0),
    "FK4": sky(EQUINOX=1950.0),
    "FK4-NO-E": sky(RADESYS="FK4-NO-E", EQUINOX=1950.0),
    "cube": cube(),
    "cube, sky last": cube((4, 2, 1, 3)),
    "linear": fits.Header({"NAXIS": 2, "NAXIS1": 7, "NAXIS2": 9, "CRPIX1": 2.0, "CDELT2": 3.0, "CUNIT1": "mm"}),
    "one axis": fits.Header({"NAXIS": 1, "NAXIS1": 7, "CTYPE1": "WAVE", "CUNIT1": "nm", "CRVAL1": 500, "CDELT1": 0.1}),
}


def in_astropy(header: fits.Header) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(header)


@pytest.fixture(params=HEADERS)
def both(request: pytest.FixtureRequest) -> tuple[WCS, astropy.wcs.WCS]:
    header = HEADERS[request.param]
    return WCS(header), in_astropy(header)


def pixels(naxis: int, count: int = 50, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 20, (count, naxis))


def close(found: Any, expected: Any, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-11, atol=atol)


# --- Transforms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [0, 1])
def test_pixels_and_world_by_astropys_names(both: tuple[WCS, astropy.wcs.WCS], origin: int) -> None:
    ours, theirs = both
    points = pixels(ours.naxis)
    for name, back in (("all_pix2world", "all_world2pix"), ("wcs_pix2world", "wcs_world2pix")):
        expected = getattr(theirs, name if ours.naxis < 4 else "wcs_pix2world")(points, origin)
        world = getattr(ours, name)(points, origin)
        assert isinstance(world, np.ndarray)
        close(world, expected)
        close(getattr(ours, back)(world, origin), points, 1e-7)
        lists = getattr(ours, name)(*points.T, origin)
        assert isinstance(lists, list)
        close(lists, expected.T)
        close(getattr(ours, back)(*lists, origin), points.T, 1e-7)
        tensors = getattr(ours, name)(torch.from_numpy(points), origin)
        assert isinstance(tensors, torch.Tensor)
        assert torch.equal(tensors, torch.from_numpy(world))


def test_points_count_from_0(both: tuple[WCS, astropy.wcs.WCS]) -> None:
    ours, theirs = both
    points = pixels(ours.naxis)
    expected = np.stack(np.atleast_2d(theirs.pixel_to_world_values(*points.T)), -1)
    world = ours.pixel_to_world(points)
    close(world, expected)
    assert (world.dtype, world.shape) == (torch.float64, (50, ours.naxis))
    close(ours.world_to_pixel(world), points, 1e-7)
    assert torch.equal(ours.pixel_to_world(points[7].tolist()), world[7])
    assert torch.equal(ours.pixel_to_world(points.reshape(5, 10, -1)), world.reshape(5, 10, -1))
    assert torch.equal(ours.pixel_to_world_status(points)[0], world)
    assert not ours.world_to_pixel_status(world)[1].any()


def test_values_of_the_shared_interface(both: tuple[WCS, astropy.wcs.WCS]) -> None:
    ours, theirs = both
    points = pixels(ours.naxis)
    single = ours.naxis == 1
    found = ours.pixel_to_world_values(*points.T)
    assert isinstance(found, np.ndarray if single else tuple)
    close(found, theirs.pixel_to_world_values(*points.T))
    world = [found] if single else found
    close(ours.world_to_pixel_values(*world), points[:, 0] if single else points.T, 1e-7)
    close(ours.array_index_to_world_values(*points.T), theirs.array_index_to_world_values(*points.T))
    indices = ours.world_to_array_index_values(*world)
    expected = theirs.world_to_array_index_values(*world)
    for one, right in zip([indices] if single else indices, [expected] if single else expected, strict=True):
        assert one.dtype == np.int64
        np.testing.assert_array_equal(one, right)


def test_scalars_tensors_and_broadcasting() -> None:
    ours, theirs = WCS(sip()), in_astropy(sip())
    close(ours.pixel_to_world_values(3, 4), theirs.pixel_to_world_values(3, 4))
    assert np.ndim(ours.pixel_to_world_values(3, 4)[0]) == 0
    grid = ours.all_pix2world(np.arange(4), np.arange(3)[:, None], 0)
    close(grid, theirs.all_pix2world(np.arange(4), np.arange(3)[:, None], 0))
    assert grid[0].shape == (3, 4)
    x = torch.arange(4.0, requires_grad=True)
    longitude, _latitude = ours.pixel_to_world_values(x, 2)
    assert longitude.dtype == torch.float64
    longitude.sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()
    assert ours.all_pix2world(np.empty((0, 2)), 1).shape == (0, 2)
    assert ours.all_pix2world(np.asfortranarray(np.ones((3, 2)))[::-1], 1).shape == (3, 2)
    frozen = np.ones(3)
    frozen.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.all_pix2world(frozen, frozen, 0)


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda w: w.all_pix2world(1, 2), TypeError, "the origin"),
        (lambda w: w.all_pix2world(1, 2, 3, 4), TypeError, "4 arguments came"),
        (lambda w: w.all_pix2world(1, 2, 5), TypeError, "0 or 1"),
        (lambda w: w.all_pix2world(np.ones(3), np.ones(3)), TypeError, "and then the origin"),
        (lambda w: w.all_pix2world(np.ones((3, 3)), 0), ValueError, r"shape \[\.\.\., 2\], not \[3, 3\]"),
        (lambda w: w.pixel_to_world_values(1), ValueError, "one array for each, not 1"),
        (lambda w: w.pixel_to_world(torch.ones(3)), ValueError, "2 axes"),
        (lambda w: w.world_to_array_index_values(np.nan, 2.0), ValueError, "lie on no pixel"),
        (lambda w: w.celestial["x"], ValueError, "not a range"),
        (len, TypeError, "naxis"),
        (list, TypeError, "only a batch"),
    ],
)
def test_what_is_asked_wrongly(call: Callable[[WCS], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call(WCS(sky()))


def test_jacobian_is_that_of_differences() -> None:
    ours = WCS(sip())
    step = 1e-3
    found = ours.jacobian([10.0, 12.0])
    for axis in range(2):
        shift = step * torch.eye(2, dtype=torch.float64)[axis]
        at = torch.tensor([10.0, 12.0], dtype=torch.float64)
        differences = (ours.pixel_to_world(at + shift) - ours.pixel_to_world(at - shift)) / (2 * step)
        torch.testing.assert_close(found[:, axis], differences, rtol=1e-6, atol=1e-12)


# --- What a WCS says of itself ---------------------------------------------------------------------------------------


def test_properties(both: tuple[WCS, astropy.wcs.WCS]) -> None:
    ours, theirs = both
    assert (ours.naxis, ours.pixel_n_dim, ours.world_n_dim) == (theirs.naxis, theirs.pixel_n_dim, theirs.world_n_dim)
    assert (ours.pixel_shape, ours.array_shape) == (theirs.pixel_shape, theirs.array_shape)
    assert ours.ctype == list(theirs.wcs.ctype)
    assert [u.Unit(unit) for unit in ours.cunit] == list(theirs.wcs.cunit)
    assert [u.Unit(unit) for unit in ours.world_axis_units] == [u.Unit(unit) for unit in theirs.world_axis_units]
    assert ours.axis_type_names == theirs.axis_type_names
    assert ours.world_axis_physical_types == theirs.world_axis_physical_types
    assert (ours.lng, ours.lat, ours.spec) == (theirs.wcs.lng, theirs.wcs.lat, theirs.wcs.spec)
    assert (ours.has_celestial, ours.is_celestial) == (theirs.has_celestial, theirs.is_celestial)
    assert (ours.has_spectral, ours.has_distortion) == (theirs.has_spectral, theirs.has_distortion)
    close(ours.crval, theirs.wcs.crval)
    close(ours.crpix, theirs.wcs.crpix)
    close(ours.pixel_scale_matrix, theirs.pixel_scale_matrix, 1e-300)
    close(ours.proj_plane_pixel_scales(), [scale.value for scale in theirs.proj_plane_pixel_scales()])
    np.testing.assert_array_equal(ours.axis_correlation_matrix, theirs.axis_correlation_matrix)
    assert ours.pixel_bounds is theirs.pixel_bounds is None
    assert ours.pixel_axis_names == theirs.pixel_axis_names
    assert ours.world_axis_names == theirs.world_axis_names
    assert ours.serialized_classes is theirs.serialized_classes is False
    if ours.naxis == 2:
        if ours.has_celestial:
            close(ours.proj_plane_pixel_area(), theirs.proj_plane_pixel_area().value, 1e-300)
        for options in ({}, {"center": False}, {"undistort": False}, {"axes": (7, 5)}):
            close(ours.calc_footprint(**options), theirs.calc_footprint(**options))
    else:
        with pytest.raises(ValueError, match=r"use wcs\.celestial"):
            ours.proj_plane_pixel_area()
        with pytest.raises(ValueError, match=r"use wcs\.celestial"):
            ours.calc_footprint()


def test_repr_is_that_of_astropy() -> None:
    def tokens(wcs: object) -> list[str]:
        return [f"{float(word):.9g}" if re.fullmatch(r"[-+\d.e]+", word) else word for word in repr(wcs).split()]

    for header in (sky(), sip(), HEADERS["all sky"]):
        assert tokens(WCS(header)) == tokens(in_astropy(header))
    assert repr(WCS.from_headers([sky(), sip()])).startswith("<WCS, a batch of 2, 353 slots each")


def test_size_can_be_set() -> None:
    wcs = WCS({key: value for key, value in sky().items() if "NAXIS" not in key})
    assert wcs.pixel_shape is wcs.array_shape is None
    with pytest.raises(ValueError, match="size is not known"):
        wcs.calc_footprint()
    with pytest.raises(ValueError, match="size is not known"):
        wcs.footprint_contains([150.1, 2.2])
    wcs.array_shape = (20, 30)
    assert wcs.pixel_shape == (30, 20)
    assert torch.equal(wcs.calc_footprint(), WCS(sky()).calc_footprint())
    with pytest.raises(ValueError, match="an image of 3"):
        wcs.pixel_shape = (1, 2, 3)


@pytest.mark.parametrize(
    "more, shape",
    [
        ({"WCSAXES": 3}, (30, 20, 1)),
        ({"NAXIS": 0}, None),
        ({"XTENSION": "BINTABLE"}, None),
        ({"ZIMAGE": True, "XTENSION": "BINTABLE", "ZNAXIS": 2, "ZNAXIS1": 5, "ZNAXIS2": 6}, (5, 6)),
    ],
)
def test_size_of_unusual_headers(more: dict[str, Any], shape: tuple[int, ...] | None) -> None:
    header = sky()
    for key, value in more.items():
        header[key] = value
    if shape is None and "NAXIS" in more:
        del header["NAXIS1"], header["NAXIS2"]
    assert WCS(header).pixel_shape == shape


def test_layout_is_that_of_the_library() -> None:
    """wcs_layout.py repeats csrc/wcs/layout.h: every number there is the same here."""
    text = (ROOT / "csrc/wcs/layout.h").read_text()
    slots = dict(re.findall(r"^ {2,}k(\w+) =\s+(\d+),", text.partition("namespace celestial")[0], re.MULTILINE))
    for member in (*wcs_layout.Head, *wcs_layout.Distortion):
        if isinstance(member, wcs_layout.Distortion):
            name = "Distortion" + str(member.name).capitalize()
        else:
            name = {"D2IM": "D2im"}.get(member.name, member.name.title().replace("_", ""))
        assert int(slots[name]) == member, name
    for enum in (wcs_layout.Celestial, wcs_layout.Spectral, wcs_layout.Time):
        name = enum.__name__.lower()
        block = text.partition(f"namespace {name} {{")[2].partition(f"}}  // namespace {name}")[0]
        for slot in enum:
            assert re.search(rf"k{slot.name.title()} = {slot.value},", block), slot
    listed = text.partition("enum class Frame : int {")[2].partition("};")[0]
    assert dict(re.findall(r"(\w+) = (\d+)", listed)) == {m.name.lower(): str(m.value) for m in wcs_layout.Frame}
    assert f"kLayoutVersion = {wcs_layout.VERSION};" in text
    assert len(WCS(sip()).packed) - len(WCS(sky()).packed) == wcs_layout.SIP_SIZE


# --- Sources ---------------------------------------------------------------------------------------------------------


def test_every_form_of_a_header() -> None:
    header = sip()
    expected = WCS(header)
    text = header.tostring(sep="\n")
    mapping = {key: value for key, value in header.items() if key}
    for form in (Header.fromstring(text), text, text.encode(), header.tostring(), mapping, copy.copy(header)):
        wcs = WCS(form)
        assert wcs == expected
        assert wcs.pixel_shape == (30, 20)
    alternate = sky(CTYPE1A="GLON-CAR", CTYPE2A="GLAT-CAR", CDELT1A=-0.1, CDELT2A=0.1)
    assert WCS(alternate, alt="A").ctype == ["GLON-CAR", "GLAT-CAR"]
    with pytest.raises(RuntimeError, match="version 'B'"):
        WCS(alternate, alt="B")
    with pytest.raises(ValueError, match=r"'m13\.fits' is not a header's text; to read a file use WCS\.from_file"):
        WCS("m13.fits")
    for other in (Path("m13.fits"), expected.packed, 3, None, expected):
        with pytest.raises(TypeError, match="made of a header"):
            WCS(other)  # type: ignore[arg-type]


def test_files(m13: Path, tmp_path: Path) -> None:
    expected = WCS(fits.getheader(m13))
    data = m13.read_bytes()
    for source in (m13, str(m13), f"{m13}[0]", data, torch.frombuffer(bytearray(data), dtype=torch.uint8)):
        wcs = WCS.from_file(source)
        assert wcs == expected
        assert wcs.pixel_shape == (300, 300)
    path = tmp_path / "many.fits"
    units = [fits.CompImageHDU(np.zeros((20, 30), "i2"), sky(CRVAL2=float(n), EXTVER=n), name="SCI") for n in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(path)
    assert WCS.from_file(path).crval[1] == 1.0
    assert WCS.from_file(path, ("SCI", 2)) == WCS.from_file(f"{path}[SCI,2]") == WCS.from_file(path, -1)
    assert WCS.from_file(path, -1).pixel_shape == (30, 20)
    with torchfits.open(path) as file:
        assert file["SCI", 2].wcs is file[2].wcs
        assert file[2].wcs == WCS.from_file(path, 2)
    with pytest.raises(KeyError, match="DQ"):
        WCS.from_file(path, "DQ")
    with pytest.raises(ValueError, match="given twice"):
        WCS.from_file(f"{path}[1]", 1)
    with pytest.raises(RuntimeError, match=r"many\.fits\[1\].*version 'C'"):
        WCS.from_file(path, 1, "C")


def test_packed_vectors() -> None:
    vector = torch.ops.fits.wcs_from_header(sky().tostring())
    assert WCS.from_packed(vector) == WCS(sky())
    assert WCS.from_packed(vector).packed is vector
    assert WCS.from_packed(vector, (30, 20)).array_shape == (20, 30)
    for wrong in (vector.float(), vector[None, None], vector.tolist(), vector[:5], vector * 0):
        with pytest.raises(ValueError, match="packed WCS"):
            WCS.from_packed(wrong)


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def test_copies_pickles_and_devices(device: str, tmp_path: Path) -> None:
    wcs = WCS(sip()).to(device)
    others = [wcs.copy(), copy.copy(wcs), copy.deepcopy(wcs), wcs.deepcopy(), pickle.loads(pickle.dumps(wcs))]
    for other in others:
        assert other == wcs
        assert other.pixel_shape == wcs.pixel_shape == (30, 20)
        assert other.packed.data_ptr() != wcs.packed.data_ptr()
        assert other.device == wcs.device
    torch.save(wcs.packed, tmp_path / "wcs.pt")
    assert WCS.from_packed(torch.load(tmp_path / "wcs.pt")) == wcs
    assert wcs != WCS(sky())
    assert wcs != 3
    assert wcs
    with pytest.raises(TypeError, match="unhashable"):
        hash(wcs)
    wcs.crpix.zero_()
    assert wcs == others[0]  # parameters are copies


# --- Parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HEADERS)
def test_celestial_axes_alone(name: str) -> None:
    ours, theirs = WCS(HEADERS[name]), in_astropy(HEADERS[name])
    if not ours.has_celestial:
        with pytest.raises(ValueError, match="no celestial axes"):
            _ = ours.celestial
        return
    part, right = ours.celestial, theirs.celestial
    assert part.is_celestial
    assert part.pixel_shape == right.pixel_shape
    assert part.ctype == list(right.wcs.ctype)
    points = pixels(2)
    close(part.all_pix2world(points, 1), right.all_pix2world(points, 1))
    world = part.pixel_to_world(points)
    close(part.world_to_pixel(world), points, 1e-7)
    close(part.proj_plane_pixel_area(), theirs.proj_plane_pixel_area().value if ours.naxis == 2 else 1e-4, 1e-300)


def test_celestial_axes_with_distortion_in_a_cube() -> None:
    header = sip()
    header.update({"WCSAXES": 3, "CTYPE3": "FREQ", "CRVAL3": 1.4e9, "CD3_3": 1000.0})
    assert torch.equal(WCS(header).celestial.pixel_to_world(pixels(2)), WCS(sip()).pixel_to_world(pixels(2)))
    header["CD1_3"] = 1e-3
    with pytest.raises(ValueError, match="cannot be separated"):
        _ = WCS(header).celestial
    header.remove("CD1_3")
    for n, name in ((1, "FREQ"), (2, "RA---TAN-SIP"), (3, "DEC--TAN-SIP")):
        header[f"CTYPE{n}"] = name
        header[f"CD{n}_{n}"] = 1e-4
    header["CRVAL3"] = 2.2
    header.remove("CD1_2"), header.remove("CD2_1")
    with pytest.raises(NotImplementedError, match="had alone only"):
        _ = WCS(header).celestial


def test_without_distortions() -> None:
    core = WCS(sip()).without_distortions()
    assert not core.has_distortion
    assert core.ctype == ["RA---TAN", "DEC--TAN"]
    assert torch.equal(core.pixel_to_world(pixels(2)), WCS(sky()).pixel_to_world(pixels(2)))
    batch = WCS.from_headers([sip(), sky()]).without_distortions()
    assert torch.equal(batch.pixel_to_world(pixels(2, 2))[0], core.pixel_to_world(pixels(2, 2)[0]))


SIZES = (20, 30)  # NAXIS2, NAXIS1


def parts(size: int, steps: bool) -> st.SearchStrategy[slice]:
    ends = st.one_of(st.none(), st.integers(-size - 3, size + 3))
    return st.builds(
        slice, ends, ends, st.sampled_from([None, 1, 2, 3, 7, -1, -2]) if steps else st.sampled_from([None, 1])
    )


@pytest.mark.parametrize("kind", ["TAN", "SIP"])
@given(rows=parts(20, True), columns=parts(30, True))
def test_slices_keep_the_coordinates_of_their_pixels(kind: str, rows: slice, columns: slice) -> None:
    """Pixel by pixel: the world coordinates of the slice are the slice of the world coordinates."""
    wcs = WCS(HEADERS[kind])
    y, x = torch.meshgrid(*(torch.arange(float(size), dtype=torch.float64) for size in SIZES), indexing="ij")
    expected = wcs.pixel_to_world(torch.stack([x, y], -1))[list(range(20)[rows])][:, list(range(30)[columns])]
    part = wcs[rows, columns]
    assert part.array_shape == expected.shape[:2]
    y, x = torch.meshgrid(*(torch.arange(float(n), dtype=torch.float64) for n in expected.shape[:2]), indexing="ij")
    torch.testing.assert_close(part.pixel_to_world(torch.stack([x, y], -1)), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", ["TAN", "SIP"])
@given(rows=parts(20, False), columns=parts(30, False))
def test_slices_are_those_of_astropy(kind: str, rows: slice, columns: slice) -> None:
    """Without steps: with them astropy's WCS is that of pixels added up, ours that of the pixels taken."""
    ours, theirs = WCS(HEADERS[kind])[rows, columns], in_astropy(HEADERS[kind])[rows, columns]
    assert ours.array_shape == tuple(len(range(size)[part]) for part, size in zip((rows, columns), SIZES))
    if 0 not in ours.array_shape:
        close(ours.crpix, theirs.wcs.crpix)
        close(ours.all_pix2world(pixels(2), 0), theirs.all_pix2world(pixels(2), 0))
        assert ours.pixel_shape == theirs.pixel_shape


def test_slices_of_cubes_and_files(m13: Path) -> None:
    wcs = WCS(cube())
    part = wcs[..., 2:5, ::2]
    assert part.pixel_shape == (3, 3, 15, 20)
    points = torch.from_numpy(pixels(4))
    moved = points * torch.tensor([2.0, 1, 1, 1]) + torch.tensor([0.0, 2, 0, 0])
    torch.testing.assert_close(part.pixel_to_world(points), wcs.pixel_to_world(moved), rtol=1e-12, atol=1e-11)
    image = WCS.from_file(m13)
    assert WCS.from_file(f"{m13}[11:50,101:300]") == image[100:300, 10:50]
    assert WCS.from_file(m13, section=(slice(5), ...)).array_shape == (5, 300)
    assert image[100:300, 10:50][5:, 5:] == image[105:300, 15:50]
    assert image["11:50,101:300"] == image[100:300, 10:50]


@pytest.mark.parametrize(
    "item, error, says",
    [
        (3, NotImplementedError, "would take away an axis"),
        ((slice(None), 3), NotImplementedError, "would take away an axis"),
        ((slice(1), slice(1), slice(1)), IndexError, "3 indices"),
        ("x", ValueError, "not a range"),
        (torch.ones(2), TypeError, "a section is made of"),
    ],
)
def test_slices_that_are_none(item: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        WCS(sky())[item]


def test_slices_where_the_size_is_not_known() -> None:
    wcs = WCS.from_packed(WCS(sky()).packed)
    assert wcs[2:, 3:9] == WCS(sky())[2:, 3:9]
    assert wcs[2:, 3:9].pixel_shape is None
    for item in (slice(-3, None), slice(None, None, -1), "1:2,*"):
        with pytest.raises(ValueError, match=r"size is not known|only where the image's size is known"):
            wcs[item]


def test_crop_makes_batches() -> None:
    wcs = WCS(sip())
    stamps = wcs.crop([[0, 0], [3, 5], [-2, 7]])
    assert len(stamps) == 3
    points = torch.from_numpy(pixels(2, 3))
    moved = points + torch.tensor([[0.0, 0.0], [5.0, 3.0], [7.0, -2.0]])
    torch.testing.assert_close(stamps.pixel_to_world(points), wcs.pixel_to_world(moved), rtol=0, atol=1e-11)


# --- Outlines, other WCS, headers ------------------------------------------------------------------------------------


def test_footprint() -> None:
    wcs = WCS(sip())
    corners = wcs.footprint()
    close(corners, wcs.calc_footprint())
    assert WCS(cube()).footprint().shape == (4, 2)
    outline = wcs.footprint(per_side=8)
    assert outline.shape == (32, 2)
    assert torch.equal(outline[::8], corners)
    assert torch.equal(WCS.from_packed(wcs.packed).footprint((20, 30)), corners)
    batch = WCS.from_headers([sip(), sky()])
    assert torch.equal(batch.footprint()[0], corners)
    assert torch.equal(batch.calc_footprint()[1], WCS(sky()).calc_footprint())


def test_footprint_contains() -> None:
    ours = WCS(sip())
    grid = torch.cartesian_prod(torch.linspace(-3, 33, 25), torch.linspace(-3, 23, 25)).double()
    inside = ((grid >= -0.5) & (grid < torch.tensor([29.5, 19.5]))).all(-1)
    found = ours.footprint_contains(ours.pixel_to_world(grid))
    assert torch.equal(found, inside)
    coordinates = SkyCoord(*ours.pixel_to_world(grid).T.numpy(), unit="deg").galactic
    np.testing.assert_array_equal(ours.footprint_contains(coordinates), inside)
    # astropy leaves out the outer half of the first pixels and takes another half pixel at the end
    clear = ((grid > 0) & (grid < torch.tensor([29.5, 19.5]))).all(-1) | ~inside & (grid < 0).any(-1)
    theirs = in_astropy(sip()).footprint_contains(coordinates)
    np.testing.assert_array_equal(np.asarray(found)[clear], theirs[clear])
    assert ours.footprint_contains(SkyCoord(150.1, 2.2, unit="deg"))


def test_pixel_to_pixel() -> None:
    one, other = WCS(sip()), WCS(sky("SIN", CRVAL1=150.1005))
    points = pixels(2)
    expected = other.world_to_pixel(one.pixel_to_world(points))
    torch.testing.assert_close(one.pixel_to_pixel(points, other), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", HEADERS)
def test_header_of_a_wcs(name: str) -> None:
    ours = WCS(HEADERS[name])
    header = ours.to_header()
    assert isinstance(header, Header)
    points = pixels(ours.naxis)
    torch.testing.assert_close(
        WCS(header).pixel_to_world(points), ours.pixel_to_world(points), rtol=1e-13, atol=1e-12, equal_nan=True
    )
    theirs = in_astropy(fits.Header.fromstring(header.tostring()))
    close(theirs.pixel_to_world_values(*points.T), ours.pixel_to_world_values(*points.T))


# --- Parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HEADERS)
def test_parameters_put_back_are_the_same_wcs(name: str) -> None:
    wcs = WCS(HEADERS[name])
    again = wcs.replace(**wcs.parameters())
    assert again.pixel_shape == wcs.pixel_shape
    torch.testing.assert_close(again.packed, wcs.packed, rtol=1e-13, atol=1e-13)


def test_replaced_parameters_are_those_of_another_header() -> None:
    header = sip()
    wcs = WCS(header)
    assert list(wcs.parameters()) == ["crpix", "crval", "matrix", "lonpole", "sip_a", "sip_b"]
    assert wcs.parameters()["sip_a"].tolist() == [0.0, -2e-4, 3e-4]  # A_0_2, A_1_1, A_2_0
    matrix = torch.tensor([[-2e-4, 1e-5], [2e-5, 2.2e-4]])
    changed = wcs.replace(crval=[33.0, -40.0], crpix=[1.5, 2.5], matrix=matrix, sip_a=[1e-4, 0.0, 2e-4])
    header.update(
        {"CRVAL1": 33.0, "CRVAL2": -40.0, "CRPIX1": 1.5, "CRPIX2": 2.5, "A_0_2": 1e-4, "A_1_1": 0, "A_2_0": 2e-4}
    )
    header.update({f"CD{i + 1}_{j + 1}": float(matrix[i, j]) for i in range(2) for j in range(2)})
    points = pixels(2)
    torch.testing.assert_close(changed.pixel_to_world(points), WCS(header).pixel_to_world(points), rtol=0, atol=1e-11)
    torch.testing.assert_close(changed.world_to_pixel(changed.pixel_to_world(points)), torch.from_numpy(points))
    batch = WCS.from_headers([sky(), sky(CRVAL1=7.0)])
    moved = batch.replace(crval=torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert moved[1].crval.tolist() == [3.0, 4.0]
    with pytest.raises(ValueError, match="no parameter 'cd'; it has crpix, crval, matrix, lonpole"):
        WCS(sky()).replace(cd=matrix)


def test_gradients_of_parameters() -> None:
    wcs, points = WCS(sip()), torch.from_numpy(pixels(2, 5))
    world = wcs.pixel_to_world(points)
    names = ["crval", "matrix", "sip_a", "sip_b"]
    values = [wcs.parameters()[name].requires_grad_() for name in names]
    scales = [1e-4, 1e-7, 1e-5, 1e-5]

    def pixel(*steps: torch.Tensor) -> torch.Tensor:
        changed = {n: value.detach() + scale * s for n, value, scale, s in zip(names, values, scales, steps)}
        return wcs.replace(**changed).world_to_pixel(world)

    steps = [torch.zeros_like(value, requires_grad=True) for value in values]
    assert torch.autograd.gradcheck(pixel, steps, eps=1e-3, atol=1e-4, rtol=1e-4)


# --- Batches ---------------------------------------------------------------------------------------------------------


def test_batches() -> None:
    headers = [sip(), sky("AIT"), sky("SIN", CRVAL1=10.0)]
    batch = WCS.from_headers(headers)
    assert (len(batch), batch.is_batch, batch.naxis, batch.pixel_shape) == (3, True, 2, (30, 20))
    each = [WCS(header) for header in headers]
    assert list(batch) == each
    assert batch[-1] == each[2]
    assert len(batch[:2]) == 2
    assert batch[torch.tensor([2, 0])][0] == each[2]
    assert torch.equal(WCS.stack(each).packed, batch.packed)
    assert WCS.stack([each[0], WCS(sky(axes=(3, 4)))]).pixel_shape is None
    points = torch.from_numpy(pixels(2, 12)).reshape(3, 4, 2)
    world = batch.pixel_to_world(points)
    for i, wcs in enumerate(each):
        assert torch.equal(world[i], wcs.pixel_to_world(points[i]))
        assert torch.equal(batch.crval[i], wcs.crval)
        assert torch.equal(batch.pixel_scale_matrix[i], wcs.pixel_scale_matrix)
        assert torch.equal(batch.proj_plane_pixel_scales()[i], wcs.proj_plane_pixel_scales())
        assert torch.equal(batch.proj_plane_pixel_area()[i], wcs.proj_plane_pixel_area())
        assert torch.equal(batch.jacobian(points)[i], wcs.jacobian(points[i]))
    x, _y = batch.all_pix2world(*points.unbind(-1), 0)
    assert torch.equal(x, world[..., 0])
    torch.testing.assert_close(batch.world_to_pixel(world), points, rtol=0, atol=1e-8)


def test_an_empty_batch() -> None:
    batch = WCS.from_headers([])
    assert (len(batch), list(batch)) == (0, [])
    assert batch.pixel_to_world(torch.zeros(0, 3, 2)).shape == (0, 3, 2)
    with pytest.raises(ValueError, match="the batch of WCS is empty"):
        _ = batch.crval


def test_compiled_functions_take_a_wcs() -> None:
    torch.compiler.reset()
    points, wcs = torch.from_numpy(pixels(2)), WCS(sip())
    compiled = torch.compile(lambda points, wcs: 2 * wcs.pixel_to_world(points), fullgraph=True, backend="eager")
    assert torch.equal(compiled(points, wcs), 2 * wcs.pixel_to_world(points))


def test_what_batches_do_not_have() -> None:
    batch = WCS.from_headers([sip(), sky()])
    for name in ("ctype", "cunit", "celestial", "to_header"):
        with pytest.raises(TypeError, match=r"a batch of 2: index it first, wcs\[0\]"):
            getattr(batch, name)()
    with pytest.raises(ValueError, match="differ in DISTORTION"):
        _ = batch.has_distortion
    with pytest.raises(ValueError, match="differ in NAXIS"):
        _ = WCS.from_headers([sky(), cube()]).crval
    with pytest.raises(TypeError, match="indexed by a number"):
        batch[0:1, 3]
    with pytest.raises(TypeError, match=r"an item of WCS\.stack"):
        WCS.stack([batch])


# --- astropy's objects -----------------------------------------------------------------------------------------------


def test_astropy_takes_it_for_one_of_its_own(both: tuple[WCS, astropy.wcs.WCS]) -> None:
    ours, theirs = both
    assert isinstance(ours, BaseLowLevelWCS)
    high = HighLevelWCSWrapper(ours)
    assert [name for name, *_ in ours.world_axis_object_components] == [
        name for name, *_ in theirs.world_axis_object_components
    ]
    assert set(ours.world_axis_object_classes) == set(theirs.world_axis_object_classes)
    points = pixels(ours.naxis, 4)
    points = np.floor(points % 3) if ours.naxis == 4 else points
    found, expected = high.pixel_to_world(*points.T), theirs.pixel_to_world(*points.T)
    found, expected = ([x] if not isinstance(x, list) else x for x in (found, expected))
    for one, right in zip(found, expected, strict=True):
        if isinstance(right, SkyCoord):
            assert one.frame.is_equivalent_frame(right.frame)
            assert one.separation(right).max() < 1e-9 * u.deg
        else:
            close(getattr(one, "value", one), getattr(right, "value", right), 0)
    back = high.world_to_pixel(*found)
    close([back] if ours.naxis == 1 else back, points.T, 1e-7)
    assert "pixel and 4 world dimensions" in str(high) or ours.naxis < 4


@pytest.mark.parametrize(
    "name, frame",
    [
        ("TAN", ICRS()),
        ("FK5", FK5(equinox="J1975")),
        ("FK4", FK4(equinox="B1950")),
        ("galactic", Galactic()),
    ],
)
def test_frames(name: str, frame: Any) -> None:
    coordinates = WCS(HEADERS[name]).high_level_wcs.pixel_to_world(3, 4)
    assert coordinates.frame.is_equivalent_frame(frame)


def test_frames_that_astropy_does_not_have() -> None:
    wcs = WCS(sky(CTYPE1="ELON-CAR", CTYPE2="ELAT-CAR"))
    longitude, latitude = wcs.high_level_wcs.pixel_to_world(3, 4)
    assert (longitude.unit, latitude.unit) == (u.deg, u.deg)
    assert [longitude.value, latitude.value] == pytest.approx(wcs.pixel_to_world([3, 4]).tolist())


def one_axis(ctype: str, cunit: str = "", **more: Any) -> fits.Header:
    cards = {"CRVAL1": 5.0, "CDELT1": 0.5, "CRPIX1": 3.0, "CTYPE1": ctype, "CUNIT1": cunit}
    return fits.Header({"NAXIS": 1, "NAXIS1": 10, **cards, **more})


@pytest.mark.parametrize(
    "header",
    [
        one_axis("FREQ", "GHz"),
        one_axis("FREQ-LOG", "GHz"),
        one_axis("WAVE", "nm"),
        one_axis("AWAV", "nm"),
        one_axis("ENER", "eV"),
        one_axis("VRAD", "km/s"),
        one_axis("VRAD", "km/s", RESTFRQ=1.42e9),
        one_axis("VELO-F2V", "km/s", RESTFRQ=1.42e9),
        one_axis("VELO", "km/s", RESTWAV=5e-7),
        one_axis("VOPT", "km/s", RESTWAV=5e-7),
        one_axis("VOPT-F2W", "km/s", RESTFRQ=1.42e9),
        one_axis("ZOPT", CRVAL1=0.1, CDELT1=0.01, RESTWAV=5e-7),
        one_axis("BETA", CRVAL1=0.1, CDELT1=0.01, RESTWAV=5e-7),
        one_axis("TIME", "s", MJDREF=58000.25, TIMESYS="TT"),
        one_axis("TIME", "s", MJDREF=58000.25),
        one_axis("UTC", "s", MJDREFI=58000, MJDREFF=0.25),
        one_axis("GPS", "s", MJDREF=58000.25),
        one_axis("ET", "s", MJDREF=58000.25),
    ],
    ids=lambda header: f"{header['CTYPE1']} {header.get('RESTFRQ', '')}{header.get('RESTWAV', '')}",
)
def test_spectra_and_times(header: fits.Header) -> None:
    ours, theirs = WCS(header), in_astropy(header)
    points = np.arange(4.0)
    found, expected = ours.high_level_wcs.pixel_to_world(points), theirs.pixel_to_world(points)
    assert type(found) is type(expected)
    if isinstance(expected, SpectralCoord):
        assert (found.doppler_convention, found.unit) == (expected.doppler_convention, expected.unit)
        assert found.doppler_rest == expected.doppler_rest or u.isclose(found.doppler_rest, expected.doppler_rest)
        close(found.value, expected.value, 0)
    else:
        assert (found.scale, found.format) == (expected.scale, expected.format)
        assert np.abs((found - expected).sec).max() < 1e-9
    for thing in (found, expected):
        close(ours.high_level_wcs.world_to_pixel(thing), points)


def test_spectra_in_other_units_and_without_rest() -> None:
    ours = WCS(one_axis("VRAD", "km/s", RESTFRQ=1.42e9)).high_level_wcs
    same = ours.pixel_to_world(2.5).to(u.GHz)
    close(ours.world_to_pixel(same), 2.5)
    close(ours.world_to_pixel(5250 * u.m / u.s), 2.5)
    redshift = WCS(one_axis("ZOPT", CRVAL1=0.1, CDELT1=0.01)).high_level_wcs.pixel_to_world(2)
    assert (type(redshift), redshift.value) == (u.Quantity, 0.1)  # astropy: a wavelength of 0 m


def test_times_in_days() -> None:
    """astropy (8.0) takes all units for seconds."""
    time = WCS(one_axis("TIME", "d", MJDREF=58000.0, TIMESYS="TAI")).high_level_wcs.pixel_to_world(4)
    assert (time.scale, time.mjd) == ("tai", 58006.0)


def test_axes_taken_away_by_astropy() -> None:
    slices = [0, slice(1, 5), 3, slice(None)]
    ours, theirs = SlicedLowLevelWCS(WCS(cube()), slices), SlicedLowLevelWCS(in_astropy(cube()), slices)
    assert ours.world_axis_physical_types == theirs.world_axis_physical_types
    close(ours.pixel_to_world_values(1.0, 2.0), theirs.pixel_to_world_values(1.0, 2.0))
    assert ours.array_shape == theirs.array_shape


def test_plots_are_those_of_astropy() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawn = []
    for wcs in (WCS(sip()), in_astropy(sip())):
        figure = pyplot.figure(figsize=(3, 3))
        axes = figure.add_subplot(projection=wcs)
        axes.imshow(np.zeros((20, 30)))
        axes.grid()
        figure.canvas.draw()
        drawn.append(np.asarray(figure.canvas.buffer_rgba()).copy())
        pyplot.close(figure)
    np.testing.assert_array_equal(*drawn)
    assert len(np.unique(drawn[0])) > 10


def test_a_wcs_made_before_astropy_is_imported() -> None:
    """In a process of its own, which has not imported astropy."""
    program = """
import sys, torchfits
wcs = torchfits.WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 1e-3, "CDELT2": 1e-3})
wcs.pixel_to_world_values(1, 2), wcs.world_axis_units, wcs.axis_correlation_matrix
assert "astropy" not in sys.modules
print(type(wcs.high_level_wcs.pixel_to_world(1, 2)).__name__)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.stdout.strip() == "SkyCoord", run.stderr
