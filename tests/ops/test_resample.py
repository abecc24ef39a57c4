"""resample and wcs_tan: against reproject, SciPy and many points; derivatives, batches, graphs, what they refuse."""

from __future__ import annotations

import io
import warnings

import astropy.wcs
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from reproject import reproject_exact, reproject_interp
from scipy import ndimage
from torch.export import Dim

import torchfits

METHODS = ["nearest", "bilinear", "bicubic", "area"]
resample = torch.ops.fits.resample
resample_backward = torch.ops.fits.resample_backward
wcs_tan = torch.ops.fits.wcs_tan


def sky_header(
    shape: tuple[int, int],
    code: str = "TAN",
    crval: tuple[float, float] = (150.1, 2.2),
    scale: float = 1e-4,
    turn: float = 0.0,
) -> fits.Header:
    """North ``turn`` degrees away from up."""
    header = fits.Header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, shape[1], shape[0]
    header["CTYPE1"], header["CTYPE2"] = f"RA---{code}", f"DEC--{code}"
    header["CRVAL1"], header["CRVAL2"] = crval
    header["CRPIX1"], header["CRPIX2"] = (shape[1] + 1) / 2, (shape[0] + 1) / 2
    c, s = scale * np.cos(np.deg2rad(turn)), scale * np.sin(np.deg2rad(turn))
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -c, s, s, c
    return header


def with_sip(header: fits.Header) -> fits.Header:
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header["A_ORDER"], header["B_ORDER"] = 2, 2
    header["A_2_0"], header["A_0_2"], header["B_1_1"], header["B_2_0"] = 1e-4, -2e-4, 3e-4, 1e-4
    return header


def packed(*headers: fits.Header) -> torch.Tensor:
    wcs = torch.ops.fits.wcs_from_headers([header.tostring() for header in headers])
    return wcs[0] if len(headers) == 1 else wcs


def in_astropy(header: fits.Header) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(header)


def size_of(header: fits.Header) -> tuple[int, int]:
    return header["NAXIS2"], header["NAXIS1"]


def picture(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Smooth on a scale of some pixels, with noise."""
    random = np.random.default_rng(seed)
    return torch.from_numpy(ndimage.gaussian_filter(random.normal(size=shape), 1.5) * 10 + random.normal(size=shape))


def pixel_map(output: fits.Header, header: fits.Header, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """By astropy: where pixels of the output lie on the input."""
    height, width = size_of(output)
    y, x = np.mgrid[: height + (shift != 0), : width + (shift != 0)] + shift
    world = in_astropy(output).all_pix2world(x, y, 0)
    return in_astropy(header).all_world2pix(*world, 0, tolerance=1e-10)


PAIRS = {
    "turned": (sky_header((40, 50), turn=20), sky_header((45, 42), crval=(150.1005, 2.2004))),
    "finer": (sky_header((40, 50), turn=200), sky_header((60, 70), scale=0.55e-4)),
    "coarser": (sky_header((40, 50)), sky_header((12, 11), scale=3.3e-4, turn=-70)),
    "mirrored": (sky_header((40, 50)), sky_header((40, 50), scale=-1e-4, turn=10)),
    "sip": (with_sip(sky_header((40, 50), turn=5)), sky_header((44, 54))),
    "to sip": (sky_header((40, 50), turn=5), with_sip(sky_header((44, 54)))),
    "projections": (sky_header((40, 50), "ZEA", (10, 88), 0.05), sky_header((40, 50), "SIN", (10.3, 88.1), 0.05, 33)),
    "all sky": (sky_header((30, 60), "CAR", (0, 0), 6.0), sky_header((40, 40), "ARC", (120, 50), 3.0)),
}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[fits.Header, fits.Header]:
    return PAIRS[request.param]


# ---- values


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_interpolation_agrees_with_reproject(pair: tuple[fits.Header, fits.Header], method: str) -> None:
    header, output = pair
    image = picture(size_of(header))
    image[7:9, 30] = torch.nan
    order = {"nearest": "nearest-neighbor"}.get(method, method)
    expected, footprint = reproject_interp(
        (image.numpy(), in_astropy(header)), in_astropy(output), shape_out=size_of(output), order=order
    )
    value, weight = resample(image, packed(header), packed(output), size_of(output), method)
    precision = 1e-7 if "A_ORDER" not in header else 5e-6  # it inverts SIP to 1e-6 of a pixel or so
    np.testing.assert_allclose(value, expected, rtol=0, atol=precision)  # NaN in the same places
    assert np.isfinite(expected).mean() > 0.3
    inside = np.isfinite(expected)
    assert torch.equal(weight, torch.from_numpy(inside).double())
    assert np.array_equal(inside, (footprint > 0) & inside)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
def test_interpolation_agrees_with_scipy(pair: tuple[fits.Header, fits.Header], method: str) -> None:
    """At astropy's places; SciPy's own spline is another curve, so cubic ones are filtered by its kernel here."""
    header, output = pair
    image = picture(size_of(header))
    x, y = pixel_map(output, header)
    found, weight = resample(image, packed(header), packed(output), size_of(output), method)
    height, width = size_of(header)
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    np.testing.assert_array_equal(weight, inside)
    if method == "bicubic":
        expected = keys(image.numpy(), x[inside], y[inside])
    else:
        order = {"nearest": 0, "bilinear": 1}[method]
        expected = ndimage.map_coordinates(image.numpy(), [y[inside], x[inside]], order=order, mode="nearest")
    np.testing.assert_allclose(found[torch.from_numpy(inside)], expected, rtol=0, atol=1e-6)


def keys(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Keys (1981), equation 15, as written there: by distance."""

    def kernel(s: np.ndarray) -> np.ndarray:
        s = np.abs(s)
        near = 1.5 * s**3 - 2.5 * s**2 + 1
        return np.where(s < 1, near, np.where(s < 2, -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2, 0))

    height, width = image.shape
    total = np.zeros(x.shape)
    for j in range(-2, height + 2):
        for i in range(-2, width + 2):
            pixel = image[min(max(j, 0), height - 1), min(max(i, 0), width - 1)]
            total += pixel * kernel(x - i) * kernel(y - j)
    return total


def test_bicubic_agrees_with_torchs_kernel_of_the_same_coefficient() -> None:
    """interpolate's bicubic has a = -1/2 with antialias=True; to twice the size both lie at the same places."""
    image = picture((14, 17))
    output = sky_header((28, 34), scale=0.5e-4)
    found, _ = resample(image, packed(sky_header((14, 17))), packed(output), [28, 34], "bicubic")
    expected = torch.nn.functional.interpolate(image[None, None], scale_factor=2, mode="bicubic", antialias=True)
    torch.testing.assert_close(found[4:-4, 4:-4], expected[0, 0, 4:-4, 4:-4], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["turned", "finer", "coarser", "mirrored", "sip", "to sip"])
def test_area_agrees_with_reproject(name: str) -> None:
    header, output = PAIRS[name]
    image = picture(size_of(header))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, footprint = reproject_exact(
            (image.numpy(), in_astropy(header)), in_astropy(output), shape_out=size_of(output)
        )
    args = packed(header), packed(output), size_of(output), "area"
    flux, weight = resample(image, *args)
    area, _ = resample(torch.ones_like(image), *args)
    # Arcs of great circles there, straight edges here; its polygons are exact to 1e-7 or so of such small pixels.
    clear = (footprint > 1e-3) | (weight.numpy() > 1e-3)
    np.testing.assert_allclose((flux / area).numpy()[clear], expected[clear], rtol=0, atol=2e-3)
    np.testing.assert_allclose(weight, footprint, rtol=0, atol=1e-4)


def test_area_agrees_with_many_points() -> None:
    header, output = PAIRS["coarser"][0], sky_header((9, 10), scale=2.3e-4, turn=30, crval=(150.101, 2.201))
    image = picture(size_of(header))
    flux, weight = resample(image, packed(header), packed(output), [9, 10], "area")
    fine = 60  # by 60 points in each output pixel
    wide = output.copy()
    for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        wide[key] /= fine
    wide["NAXIS1"], wide["NAXIS2"] = 10 * fine, 9 * fine
    wide["CRPIX1"], wide["CRPIX2"] = (10 * fine + 1) / 2, (9 * fine + 1) / 2
    x, y = pixel_map(wide, header)
    column, row = np.floor(x + 0.5).astype(int), np.floor(y + 0.5).astype(int)
    inside = (column >= 0) & (column < 50) & (row >= 0) & (row < 40)
    values = np.where(inside, image.numpy()[np.clip(row, 0, 39), np.clip(column, 0, 49)], 0)

    def pooled(points: np.ndarray) -> np.ndarray:
        return points.reshape(9, fine, 10, fine).mean((1, 3))

    assert 0.1 < inside.mean() < 0.99
    np.testing.assert_allclose(weight, pooled(inside), rtol=0, atol=0.01)
    np.testing.assert_allclose(flux.nan_to_num(), pooled(values) * 2.3**2, rtol=0, atol=0.1)


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(0.15, 8),
    turn=st.floats(0, 360),
    shift=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    sip=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_area_keeps_the_sum(
    scale: float, turn: float, shift: tuple[float, float], sip: bool, dtype: torch.dtype
) -> None:
    header = sky_header((13, 16))
    length = int(30 / scale) + 9
    crval = (150.1 + shift[0] * 1e-4, 2.2 + shift[1] * 1e-4)
    output = sky_header((length, length), crval=crval, scale=1e-4 * scale, turn=turn)
    image = (picture((13, 16)) + 20).to(dtype)
    wcs = packed(with_sip(header) if sip else header)
    flux, weight = resample(image, wcs, packed(output), size_of(output), "area", fill=0.0)
    assert float(flux.double().sum()) == pytest.approx(
        float(image.double().sum()), rel=1e-10 if dtype == torch.float64 else 1e-6
    )
    assert (flux[weight == 0] == 0).all()
    assert weight.min() >= 0
    assert weight.max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_onto_its_own_pixels_an_image_is_itself(method: str) -> None:
    """And NaN and infinities stay where they are, though places are exact to 1e-10 only."""
    header = with_sip(sky_header((20, 30), turn=12))
    image = picture((20, 30))
    image[3, 4], image[0, 0], image[10, 11] = torch.nan, torch.nan, torch.inf
    value, weight = resample(image, packed(header), packed(header), [20, 30], method)
    torch.testing.assert_close(value, image, rtol=0, atol=1e-7, equal_nan=True)
    torch.testing.assert_close(weight, image.isnan().logical_not().double(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_nan_reaches_what_touches_it_and_no_further(method: str) -> None:
    header, output = sky_header((20, 30)), sky_header((20, 30), crval=(150.1 + 0.3e-4, 2.2 + 0.4e-4))
    image = picture((20, 30))
    wcs = packed(header), packed(output), [20, 30], method
    image[10, 12] = 1e6
    touched = (
        resample(image, *wcs)[0]
        - resample(image.clone().index_put((torch.tensor(10), torch.tensor(12)), torch.tensor(0.0).double()), *wcs)[0]
    ).abs() > 1
    image[10, 12] = torch.nan
    value, weight = resample(image, *wcs)
    inside = resample(torch.zeros_like(image), *wcs)[1] > 0
    assert torch.equal(value.isnan() & inside, touched)
    assert torch.equal(weight == 0, touched | ~inside)
    assert touched.sum() == {"nearest": 1, "bilinear": 4, "bicubic": 16, "area": 4}[method]


@pytest.mark.parametrize("method", METHODS)
def test_what_lies_outside_is_filled(method: str) -> None:
    header, far = sky_header((8, 9)), sky_header((8, 9), crval=(330.0, -2.0))
    image = torch.ones(8, 9)
    assert resample(image, packed(header), packed(far), [8, 9], method)[0].isnan().all()
    value, weight = resample(image, packed(header), packed(far), [8, 9], method, fill=-7.5)
    assert (value == -7.5).all()
    assert not weight.any()
    beside = sky_header((8, 9), crval=(150.1, 2.2 + 3e-4))
    value, weight = resample(image, packed(header), packed(beside), [8, 9], method, fill=-7.5)
    assert torch.equal(value == -7.5, weight == 0)
    assert (weight == 0).any(1).tolist() == (weight == 0).all(1).tolist() == [False] * 5 + [True] * 3


@pytest.mark.parametrize("method", METHODS)
def test_edges_reach_half_a_pixel(method: str) -> None:
    """One pixel, seen by pixels a tenth as wide."""
    header, output = sky_header((1, 1)), sky_header((14, 14), scale=1e-5)
    value, weight = resample(torch.full((1, 1), 3.0), packed(header), packed(output), [14, 14], method)
    assert (weight > 0.5).sum() == 100
    assert (weight[2:12, 2:12] > 0.999).all()
    torch.testing.assert_close(value[2:12, 2:12], torch.full((10, 10), 0.03 if method == "area" else 3.0))


def test_seam_of_an_all_sky_image() -> None:
    """Its two ends are neighbours on the sky; no output pixel there is a sum over all longitudes."""
    header, output = sky_header((90, 180), "CAR", (0, 0), 2.0), sky_header((30, 30), "TAN", (180, 1), 1.0)
    flux, weight = resample(torch.ones(90, 180), packed(header), packed(output), [30, 30], "area")
    lost = (weight == 0).any(0)
    assert lost.sum() <= 2
    assert weight[:, ~lost].min() > 0.9999
    inside = weight > 0
    assert flux[inside].max() < 0.5  # a quarter of an input pixel is 1 by 1 degree
    value, weight = resample(torch.ones(90, 180), packed(header), packed(output), [30, 30])
    assert weight.all()
    assert (value == 1).all()


# ---- shapes and types

SHAPES = [  # image, whether wcs_in and wcs_out are batches, result
    ((9, 11), False, False, (5, 6)),
    ((2, 9, 11), False, False, (2, 5, 6)),
    ((9, 11), False, True, (3, 5, 6)),
    ((2, 9, 11), False, True, (3, 2, 5, 6)),
    ((3, 9, 11), True, False, (3, 5, 6)),
    ((3, 2, 4, 9, 11), True, True, (3, 2, 4, 5, 6)),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("shape", "many_in", "many_out", "expected"), SHAPES)
def test_batches_are_their_items(
    method: str, shape: tuple[int, ...], many_in: bool, many_out: bool, expected: tuple[int, ...]
) -> None:
    inputs = [sky_header((9, 11), crval=(150.1, 2.2 + i * 1e-4), turn=10 * i) for i in range(3)]
    outputs = [sky_header((5, 6), "SIN", (150.1 + i * 1e-4, 2.2)) for i in range(3)]
    wcs_in, wcs_out = packed(*inputs[: 3 if many_in else 1]), packed(*outputs[: 3 if many_out else 1])
    image = picture(shape)
    value, weight = resample(image, wcs_in, wcs_out, [5, 6], method)
    assert value.shape == weight.shape == expected
    gradient = resample_backward(value.nan_to_num(), wcs_in, wcs_out, [9, 11], method)
    assert gradient.shape == shape
    sums = torch.zeros_like(image)
    for i in range(3) if many_in or many_out else [...]:
        one_in, one_out = wcs_in[i if many_in else ...], wcs_out[i if many_out else ...]
        planes = (image[i] if many_in else image).reshape(-1, 9, 11)
        for c, plane in enumerate(planes):
            right, right_weight = resample(plane, one_in, one_out, [5, 6], method)
            torch.testing.assert_close(value[i].reshape(-1, 5, 6)[c], right, rtol=0, atol=0, equal_nan=True)
            assert torch.equal(weight[i].reshape(-1, 5, 6)[c], right_weight)
            back = resample_backward(right.nan_to_num(), one_in, one_out, [9, 11], method)
            (sums[i] if many_in else sums).view(-1, 9, 11)[c] += back
    torch.testing.assert_close(gradient, sums)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 700), (70, 3), (129, 257)])
def test_any_output_size(method: str, shape: tuple[int, int]) -> None:
    """Tiles of the output are cut off at its edges; a window of a larger output is the same."""
    header, output = sky_header((60, 50), turn=33), sky_header((129, 700))
    image = picture((60, 50))
    whole, _ = resample(image, packed(header), packed(output), [129, 700], method)
    value, weight = resample(image, packed(header), packed(output), shape, method)
    torch.testing.assert_close(value, whole[: shape[0], : shape[1]], rtol=0, atol=0, equal_nan=True)
    assert weight.shape == shape


@pytest.mark.parametrize("method", METHODS)
def test_images_without_pixels(method: str) -> None:
    wcs = packed(sky_header((5, 5)))
    for shape in [(0, 5), (5, 0), (0, 0)]:
        value, weight = resample(torch.empty(shape), wcs, wcs, [5, 5], method)
        assert value.isnan().all()
        assert not weight.any()
        assert resample_backward(torch.ones(5, 5), wcs, wcs, shape, method).shape == shape
    assert resample(torch.empty(0, 5, 5), wcs, wcs, [4, 4], method)[0].shape == (0, 4, 4)
    assert resample(torch.empty(5, 5), wcs, wcs.expand(0, -1), [4, 4], method)[0].shape == (0, 4, 4)
    assert not resample_backward(torch.ones(0, 4, 4), wcs, wcs.expand(0, -1), [5, 5], method).any()


@pytest.mark.parametrize("method", METHODS)
def test_dtypes_and_strides(method: str) -> None:
    header, output = PAIRS["turned"]
    wcs = packed(header), packed(output), size_of(output), method
    image = picture((50, 40)).T
    exact, _ = resample(image.contiguous(), *wcs)
    assert torch.equal(resample(image, *wcs)[0].nan_to_num(), exact.nan_to_num())
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        value, weight = resample(image.to(dtype), *wcs)
        assert value.dtype == weight.dtype == dtype
        wide = resample(image.to(dtype).double(), *wcs)[0]
        torch.testing.assert_close(value, wide.float().to(dtype), rtol=0, atol=0, equal_nan=True)
        assert resample_backward(value, *wcs[:2], [40, 50], method).dtype == dtype


def test_threads_and_repetition_give_the_same_bits() -> None:
    header, output = sky_header((300, 300), turn=45), sky_header((400, 390), scale=0.7e-4)
    image, grad = picture((300, 300)).float(), picture((400, 390)).float()
    threads = torch.get_num_threads()
    for method in METHODS:
        found = []
        try:
            for count in (1, 2, 3):
                torch.set_num_threads(count)
                value, _ = resample(image, packed(header), packed(output), [400, 390], method, fill=0.0)
                found.append((value, resample_backward(grad, packed(header), packed(output), [300, 300], method)))
        finally:
            torch.set_num_threads(threads)
        assert all(torch.equal(a, b) for one in found[1:] for a, b in zip(one, found[0], strict=True))


# ---- derivatives


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch", [False, True])
def test_gradients(method: str, batch: bool) -> None:
    header, output = sky_header((3, 4), turn=15), sky_header((3, 3), crval=(150.10005, 2.20005), scale=1.3e-4)
    wcs_in = packed(header)
    wcs_out = packed(output, sky_header((3, 3), turn=50)) if batch else packed(output)
    image = picture((2, 3, 4)).requires_grad_()

    def value(image: torch.Tensor) -> torch.Tensor:
        return resample(image, wcs_in, wcs_out, [3, 3], method, fill=3.0)[0]

    assert torch.autograd.gradcheck(value, image)
    assert torch.autograd.gradgradcheck(value, image)
    _, weight = resample(image, wcs_in, wcs_out, [3, 3], method)
    assert not weight.requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_backward_is_the_transpose(pair: tuple[fits.Header, fits.Header], method: str) -> None:
    header, output = pair
    wcs = packed(header), packed(output)
    image, grad = picture(size_of(header)), picture(size_of(output), 1)
    value, _ = resample(image, *wcs, size_of(output), method, fill=0.0)
    back = resample_backward(grad, *wcs, size_of(header), method)
    assert float((value * grad).sum()) == pytest.approx(float((image * back).sum()), rel=1e-8)


def test_gradients_of_a_wcs_are_refused() -> None:
    header = sky_header((5, 6))
    wcs = packed(header)
    image = picture((5, 6)).requires_grad_()
    for wcs_in, wcs_out in ((wcs.clone().requires_grad_(), wcs), (wcs, wcs.clone().requires_grad_())):
        with pytest.raises(NotImplementedError, match="grid_sample"):
            resample(image, wcs_in, wcs_out, [5, 6])


# ---- what is refused


def test_what_is_refused() -> None:
    header = sky_header((5, 6))
    wcs, image = packed(header), torch.zeros(5, 6)
    galactic, fk5, cube, plain = header.copy(), header.copy(), header.copy(), header.copy()
    galactic["CTYPE1"], galactic["CTYPE2"] = "GLON-TAN", "GLAT-TAN"
    fk5["RADESYS"], fk5["EQUINOX"] = "FK5", 2000.0
    cube["CTYPE3"] = "FREQ"
    plain["CTYPE1"], plain["CTYPE2"] = "X", "Y"
    other = plain.copy()
    other["CUNIT1"] = "m"
    cases = [
        ("must be nearest, bilinear, bicubic or area", image, wcs, wcs, [5, 6], "cubic"),
        (r"image must be float32.*convert it, as in image.float\(\)", image.int(), wcs, wcs, [5, 6], "nearest"),
        ("image must be float32", image.cfloat(), wcs, wcs, [5, 6], "nearest"),
        ("wcs_in must be float64", image, wcs.float(), wcs, [5, 6], "area"),
        ("wcs_out must be", image, wcs, wcs[None, None], [5, 6], "area"),
        (r"wcs_out\[1\] cannot be used", image, wcs, torch.stack([wcs, wcs * 0]), [5, 6], "area"),
        (
            "wcs_in holds 2 WCS and wcs_out 3",
            image[None].expand(2, 5, 6),
            wcs.expand(2, -1),
            wcs.expand(3, -1),
            [5, 6],
            "area",
        ),
        ("image holds 3 items and wcs_in 2", image.expand(3, 5, 6), wcs.expand(2, -1), wcs, [5, 6], "area"),
        (r"image must be \[B, ..., H, W\]", image, wcs.expand(5, -1), wcs, [5, 6], "area"),
        (r"image must be \[..., H, W\]", image[0], wcs, wcs, [5, 6], "area"),
        ("two lengths", image, wcs, wcs, [5], "area"),
        ("two lengths", image, wcs, wcs, [5, -6], "area"),
        ("too many elements", image, wcs, wcs, [2**40, 2**40], "area"),
        ("wcs_in is ICRS and wcs_out is galactic", image, wcs, packed(galactic), [5, 6], "bilinear"),
        ("wcs_out is FK5", image, wcs, packed(fk5), [5, 6], "bilinear"),
        ("must have two axes", image, wcs, packed(cube), [5, 6], "bilinear"),
        ("wcs_out has none", image, wcs, packed(plain), [5, 6], "bilinear"),
        ("'X' in 'm'", image, packed(other), packed(plain), [5, 6], "bilinear"),
    ]
    for message, pixels, wcs_in, wcs_out, shape, method in cases:
        with pytest.raises(ValueError, match=message):
            resample(pixels, wcs_in, wcs_out, shape, method)


def test_axes_that_are_not_of_the_sky_and_axes_the_other_way_round() -> None:
    image = picture((5, 6))
    plain = fits.Header({"CTYPE1": "X", "CTYPE2": "Y", "CDELT1": 2.0})
    fine = fits.Header({"CTYPE1": "X", "CTYPE2": "Y", "CDELT1": 1.0, "CRPIX1": -1.0})
    value, _ = resample(image, packed(plain), packed(fine), [5, 4])
    torch.testing.assert_close(value[:, 0], image[:, 0])
    torch.testing.assert_close(value[:, 2], image[:, 1])
    header = sky_header((5, 6), turn=20)
    swapped = header.copy()
    for i, j in ((1, 2), (2, 1)):
        for key in ("CTYPE", "CRVAL"):
            swapped[f"{key}{i}"] = header[f"{key}{j}"]
        swapped[f"CD{i}_1"], swapped[f"CD{i}_2"] = header[f"CD{j}_1"], header[f"CD{j}_2"]
    value, _ = resample(image, packed(swapped), packed(header), [5, 6])
    torch.testing.assert_close(value, image, rtol=0, atol=1e-7)


# ---- north-up stamps


def card(key: str, value: object) -> str:
    return f"{key:8}= {value}".ljust(80)


def tan_text(center: tuple[float, float], shape: tuple[int, int], scale: float) -> str:
    """Every digit of its numbers, which fits.Header would cut at twenty characters."""
    cards = {"CTYPE1": "'RA---TAN'", "CTYPE2": "'DEC--TAN'", "CRVAL1": repr(center[0]), "CRVAL2": repr(center[1])}
    cards |= {"CRPIX1": (shape[1] + 1) / 2, "CRPIX2": (shape[0] + 1) / 2, "CDELT1": repr(-scale), "CDELT2": repr(scale)}
    return "".join(card(key, value) for key, value in cards.items())


def bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.view(torch.int64)


CENTERS = [(0.0, 0.0), (0.0, 90.0), (123.0, -90.0), (360.0, 45.0), (-20.5, -45.25), (400.0, 1e-300), (90.0, 30.0)]


def test_wcs_tan_is_bit_for_bit_its_header() -> None:
    random = np.random.default_rng(3)
    centers = CENTERS + [
        (x, y) for x, y in zip(random.uniform(0, 360, 300).tolist(), random.uniform(-90, 90, 300).tolist())
    ]
    for shape, scale in (((64, 64), 0.2 / 3600), ((1, 2), 1 / 3), ((101, 30), 1e-7)):
        expected = torch.ops.fits.wcs_from_headers([tan_text(center, shape, scale) for center in centers])
        found = wcs_tan(torch.tensor(centers, dtype=torch.float64), shape, scale)
        assert torch.equal(bits(found), bits(expected))
        assert torch.equal(
            bits(wcs_tan(torch.tensor(centers[9], dtype=torch.float64), shape, scale)), bits(expected[9])
        )


@pytest.mark.parametrize(
    ("names", "cards"),
    [
        (("RA--", "DEC-"), {"RADESYS": "'FK5     '", "EQUINOX": 2000.0}),
        (("RA--", "DEC-"), {"RADESYS": "'FK4     '", "EQUINOX": 1950.0}),
        (("GLON", "GLAT"), {}),
    ],
)
def test_wcs_tan_takes_the_frame_of_another(names: tuple[str, str], cards: dict[str, object]) -> None:
    like = "".join(card(key, value) for key, value in cards.items())
    like += card("CTYPE1", "'FREQ'") + card("CTYPE2", f"'{names[1]}-SIN'") + card("CTYPE3", f"'{names[0]}-SIN'")
    text = "".join(card(key, value) for key, value in cards.items()) + tan_text((33.0, 44.0), (5, 6), 0.25)
    text = text.replace("RA--", names[0]).replace("DEC-", names[1])
    center = torch.tensor([33.0, 44.0])
    wcs = torch.ops.fits.wcs_from_header(like)
    expected = torch.ops.fits.wcs_from_header(text)
    assert torch.equal(bits(wcs_tan(center, [5, 6], 0.25, wcs)), bits(expected))
    assert torch.equal(wcs_tan(center.expand(2, 2), [5, 6], 0.25, wcs.expand(2, -1)), expected.expand(2, -1))


def test_what_wcs_tan_refuses() -> None:
    center = torch.zeros(3, 2)
    wcs, plain = packed(sky_header((5, 6))), packed(fits.Header({"CTYPE1": "X", "CTYPE2": "Y"}))
    for message, args in [
        (r"center must be \[2\] or \[B, 2\]", (torch.zeros(3), [5, 6], 1.0)),
        (r"center must be \[2\] or \[B, 2\]", (torch.zeros(1, 1, 2), [5, 6], 1.0)),
        (r"center\[0\] is \(0, 91\)", (torch.tensor([[0.0, 91.0]]), [5, 6], 1.0)),
        (r"center\[0\] is \(nan, 0\)", (torch.tensor([[float("nan"), 0.0]]), [5, 6], 1.0)),
        ("pixel_scale is 0", (center, [5, 6], 0.0)),
        ("two lengths", (center, [5], 1.0)),
        ("like holds 2 WCS and center 3", (center, [5, 6], 1.0, wcs.expand(2, -1))),
        ("no celestial axes", (center, [5, 6], 1.0, plain)),
        ("like must be float64", (center, [5, 6], 1.0, wcs.float())),
    ]:
        with pytest.raises(ValueError, match=message):
            wcs_tan(*args)
    with pytest.raises(NotImplementedError, match="detach"):
        wcs_tan(center.requires_grad_(), [5, 6], 1.0)


class Stamps(torch.nn.Module):
    """North-up stamps around positions on the sky, out of one image with any WCS."""

    def __init__(self) -> None:
        super().__init__()
        self.resample = torchfits.nn.Resample([15, 17], "bilinear", fill=0.0)

    def forward(self, image: torch.Tensor, wcs: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
        stamps = torch.ops.fits.wcs_tan(centers, [15, 17], 1e-4, wcs)
        value, weight = self.resample(image, wcs, stamps)
        return value * weight


@pytest.fixture
def field() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two planes with five stars, the image turned and distorted; the stars' places on the sky."""
    header = with_sip(sky_header((90, 100), turn=140))
    header["RADESYS"], header["EQUINOX"] = "FK5", 2000.0
    at = torch.tensor([[20.3, 30.1], [70.2, 25.7], [50.0, 50.0], [31.6, 66.2], [75.0, 70.9]], dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(90.0).double(), torch.arange(100.0).double(), indexing="ij")
    image = sum(torch.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in at)
    assert isinstance(image, torch.Tensor)
    wcs = packed(header)
    return torch.stack([image, 2 * image]), wcs, torch.ops.fits.pixel_to_world(at, wcs)


def test_north_up_stamps(field: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    image, wcs, centers = field
    stamps = Stamps()(image, wcs, centers)
    assert stamps.shape == (5, 2, 15, 17)
    y, x = torch.meshgrid(torch.arange(15.0).double(), torch.arange(17.0).double(), indexing="ij")
    for stamp in stamps.flatten(0, 1):  # the star is in the middle
        assert (stamp * x).sum() / stamp.sum() == pytest.approx(8, abs=0.05)
        assert (stamp * y).sum() / stamp.sum() == pytest.approx(7, abs=0.05)
    shifted = Stamps()(image, wcs, centers + torch.tensor([0.0, 2e-4]))  # two pixels to the north of it
    assert (shifted * y).sum() / shifted.sum() == pytest.approx(5, abs=0.05)
    shifted = Stamps()(image, wcs, centers + torch.tensor([2e-4, 0.0]))  # to the east
    assert (shifted * x).sum() / shifted.sum() == pytest.approx(10, abs=0.05)


def test_north_up_stamps_in_one_graph(field: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    image, wcs, centers = field
    expected = Stamps()(image, wcs, centers)
    batch, height = Dim("batch", min=1), Dim("height")
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        program = torch.export.export(
            Stamps(), (image, wcs, centers), dynamic_shapes=({1: height}, {0: Dim.DYNAMIC}, {0: batch})
        )
    compiled = torch.compile(Stamps(), fullgraph=True, dynamic=True)
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(Stamps()), file)
    file.seek(0)
    for call in (program.module(), compiled, torch.jit.load(file)):
        assert torch.equal(call(image, wcs, centers), expected)
        assert torch.equal(call(image, wcs, centers[:1]), expected[:1])
        assert torch.equal(call(image[:, :60], wcs, centers[[0, 2]])[0], expected[0])


def test_gradients_flow_through_a_compiled_graph(field: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    image, wcs, centers = field
    found = []
    for call in (Stamps(), torch.compile(Stamps(), fullgraph=True)):
        pixels = image.clone().requires_grad_()
        call(pixels, wcs, centers).square().sum().backward()
        found.append(pixels.grad)
    torch.testing.assert_close(found[0], found[1])
    assert found[0].abs().sum() > 0


def test_module_says_what_it_does() -> None:
    assert repr(torchfits.nn.Resample((3, 4), "area", fill=0)) == "Resample(shape=[3, 4], method='area', fill=0.0)"
    image, wcs = torch.ones(5, 6), packed(sky_header((5, 6)))
    for found, right in zip(
        torchfits.nn.Resample([4, 3], "area")(image, wcs, wcs), resample(image, wcs, wcs, [4, 3], "area")
    ):
        assert torch.equal(found, right)
