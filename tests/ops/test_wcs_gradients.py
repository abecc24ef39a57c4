"""Derivatives of world coordinates: against differences, against fresh headers, in fits, and bit for bit on threads."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from astropy.io import fits
from wcs_samples import PROJECTIONS, packed, random_pixels, sip_header

import torchfits

pixel_to_world = torch.ops.fits.pixel_to_world
world_to_pixel = torch.ops.fits.world_to_pixel
wcs_update = torch.ops.fits.wcs_update

PARAMETERS = {
    "AZP": {1: 2.0, 2: 30.0},
    "SZP": {1: 2.0, 2: 30.0, 3: 60.0},
    "SIN": {1: 0.1, 2: -0.2},
    "ZPN": {0: 0.01, 1: 1.0, 2: 0.05, 3: -0.02},
    "AIR": {1: 45.0},
    "CYP": {1: 1.5, 2: 0.8},
    "CEA": {1: 0.9},
    "BON": {1: 45.0},
}
PARAMETERS |= {code: {1: 45.0, 2: 25.0} for code in ("COP", "COE", "COD", "COO")}
EQUATORIAL = ["CAR", "MER", "CEA", "CYP", "SFL", "PAR", "MOL", "AIT", "BON", "PCO", "TSC", "QSC", "HPX"]
SMOOTH = [code for code in PROJECTIONS if code != "CSC"]  # defined in float32: differences are mostly rounding


def sky_header(code: str = "TAN", crval: tuple[float, float] = (150.1, 2.2), scale: float = 0.01) -> fits.Header:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{code}", f"DEC--{code}"
    header["CRVAL1"], header["CRVAL2"] = crval
    header["CRPIX1"], header["CRPIX2"] = 31.5, 20.25
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -scale, 0.1 * scale, 0.15 * scale, scale
    return header


def header_of(code: str) -> fits.Header:
    if code == "TAN-SIP":
        return sip_header(4)
    header = sky_header(code, (33.0, 40.0), 0.5)
    # with theta0 = 0 at CRVAL2 > 0 the native pole is in the north only for these
    header["LONPOLE"] = 30.0 if code in EQUATORIAL else 150.0
    for m, value in PARAMETERS.get(code, {}).items():
        header[f"PV2_{m}"] = value
    return header


def points_of(code: str, count: int = 5) -> torch.Tensor:
    if code == "TAN-SIP":
        return torch.from_numpy(random_pixels(count))
    # away from CRPIX, poles and the edges of faces
    return torch.from_numpy(random_pixels(count, 2, 12, seed=3)) + torch.tensor([34.0, 25.0])


def units_of(wcs: torch.Tensor) -> torch.Tensor:
    """What one unit of each free slot is worth, [P], so that one step of differences fits all; 0 in the others."""
    slots = torchfits.wcs_slots(wcs)
    scale = wcs[slots["matrix"]].abs().max()  # degrees a pixel
    units = torch.zeros_like(wcs)
    for name, worth in {"crpix": 1.0, "crval": 0.2 * scale, "matrix": 1e-3 * scale, "lonpole": 1.0, "pv": 1e-2}.items():
        if name in slots:
            units[slots[name]] = worth
    orders = [p + q for p in range(5) for q in range(max(0, 2 - p), 5 - p)]
    for name in {"sip_a", "sip_b"} & set(slots):
        units[slots[name]] = torch.tensor([0.1 * 1000.0**-order for order in orders], dtype=torch.float64)
    return units


def function_of(transform: Callable[..., torch.Tensor], wcs: torch.Tensor) -> Callable[..., torch.Tensor]:
    """Of coordinates and of all free slots, in their units."""
    units = units_of(wcs)
    free = units.nonzero()[:, 0]

    def call(coordinates: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        whole = wcs.index_put((free,), wcs[free] + units[free] * steps)
        return transform(coordinates, wcs_update(whole)) * 1e3

    call.count = len(free)  # type: ignore[attr-defined]
    return call


CASES = [*SMOOTH, "TAN-SIP"]


@pytest.mark.parametrize("code", CASES)
def test_first_derivatives(code: str) -> None:
    wcs = packed(header_of(code))
    pixel = points_of(code).requires_grad_()
    function = function_of(pixel_to_world, wcs)
    steps = torch.zeros(function.count, dtype=torch.float64, requires_grad=True)
    assert torch.isfinite(function(pixel, steps)).all()
    assert torch.autograd.gradcheck(function, (pixel, steps), eps=1e-3, atol=2e-4, rtol=1e-6)
    world = pixel_to_world(pixel.detach(), wcs)
    inverse = function_of(world_to_pixel, wcs)
    scale = torch.tensor(1e-3 if code != "TAN-SIP" else 1e-5, dtype=torch.float64)
    moved = torch.zeros_like(world).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, s: inverse(world + scale * x, s), (moved, steps), eps=1e-2, atol=2e-3, rtol=1e-5
    )


@pytest.mark.parametrize("code", CASES)
def test_second_derivatives(code: str) -> None:
    torch.manual_seed(1)
    wcs = packed(header_of(code))
    pixel = points_of(code, 2).requires_grad_()
    function = function_of(pixel_to_world, wcs)
    steps = torch.zeros(function.count, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(function, (pixel, steps), eps=1e-3, atol=1e-4, rtol=1e-5)
    world = pixel_to_world(pixel.detach(), wcs)
    inverse = function_of(world_to_pixel, wcs)
    scale = torch.tensor(1e-3 if code != "TAN-SIP" else 1e-5, dtype=torch.float64)
    moved = torch.zeros_like(world).requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda x, s: inverse(world + scale * x, s), (moved, steps), eps=1e-2, atol=1e-3, rtol=1e-4
    )


@pytest.mark.parametrize("code", CASES)
def test_derivative_of_the_jacobian(code: str) -> None:
    wcs = packed(header_of(code))
    pixel = points_of(code, 3).requires_grad_()
    function = function_of(torch.ops.fits.wcs_jacobian, wcs)
    steps = torch.zeros(function.count, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (pixel, steps), eps=1e-3, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("code", CASES)
def test_an_updated_wcs_is_that_of_the_changed_header(code: str) -> None:
    header = header_of(code)
    wcs = packed(header)
    changed = header.copy()
    for key, change in {"CRPIX1": 3.0, "CRPIX2": -2.0, "CRVAL1": 1.0, "CRVAL2": -3.0, "LONPOLE": 2.0}.items():
        if key in header:
            changed[key] += change
    for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        changed[key] *= 1.01
    for m in PARAMETERS.get(code, {}):
        changed[f"PV2_{m}"] *= 1.02
    if code == "TAN-SIP":
        changed["A_2_1"] *= 1.1
    expected = packed(changed)
    for start, target in ((wcs, expected), (wcs, wcs)):
        free = torch.cat(list(torchfits.wcs_slots(start).values()))
        found = wcs_update(start.index_put((free,), target[free]))
        torch.testing.assert_close(found, target, rtol=1e-11, atol=1e-11)


def test_two_solutions_for_the_pole_stay_apart() -> None:
    for latpole in (80.0, -80.0):
        header = sky_header("CAR", (33.0, 5.0), 0.5)
        header["LONPOLE"], header["LATPOLE"] = 60.0, latpole
        wcs = packed(header)
        torch.testing.assert_close(wcs_update(wcs), wcs, rtol=1e-12, atol=1e-12)


def test_longitudes_of_either_sign_and_poles() -> None:
    pixel = torch.from_numpy(random_pixels(6, 2, 60))
    for code in ("TAN", "CAR", "AIT", "SIN"):
        for crval in [(0.0, -89.0), (359.999, 89.0), (-20.0, 45.0), (10.0, 0.0)]:
            wcs = packed(sky_header(code, crval, 0.5))
            torch.testing.assert_close(pixel_to_world(pixel, wcs_update(wcs)), pixel_to_world(pixel, wcs))


def gradients(pixel: torch.Tensor, wcs: torch.Tensor, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return torch.ops.fits.pixel_to_world_backward(grad, pixel, wcs)


def test_sums_repeat_bit_for_bit_on_any_number_of_threads() -> None:
    wcs = packed(header_of("TAN-SIP"))
    generator = torch.Generator().manual_seed(1)
    pixel = torch.rand(200_003, 2, dtype=torch.float64, generator=generator) * 2048
    grad = torch.randn(pixel.shape, dtype=torch.float64, generator=generator)
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2, 2):
            torch.set_num_threads(count)
            found.append(gradients(pixel, wcs, grad))
    finally:
        torch.set_num_threads(threads)
    for other in found[1:]:
        assert torch.equal(other[0], found[0][0])
        assert torch.equal(other[1], found[0][1])
    whole = sum(gradients(part, wcs, more)[1] for part, more in zip(pixel.split(999), grad.split(999)))
    torch.testing.assert_close(found[0][1], whole, rtol=1e-9, atol=0)


def test_batches() -> None:
    codes = ["TAN", "SIN", "COE", "TAN-SIP", "CAR"]
    batch = torch.ops.fits.wcs_from_headers([header_of(code).tostring() for code in codes])
    pixel = torch.stack([points_of(code, 6).reshape(2, 3, 2) for code in codes])
    grad = torch.randn(pixel.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    to_pixel, to_wcs = gradients(pixel, batch, grad)
    for i, code in enumerate(codes):
        wcs = packed(header_of(code))
        one_pixel, one_wcs = gradients(pixel[i], wcs, grad[i])
        assert torch.equal(one_pixel, to_pixel[i])
        assert torch.equal(one_wcs, to_wcs[i, : len(wcs)])
        assert not to_wcs[i, len(wcs) :].any()
    assert torch.equal(wcs_update(batch)[2, : len(packed(header_of("COE")))], wcs_update(packed(header_of("COE"))))
    batch.requires_grad_()
    pixel.requires_grad_()
    first = torch.autograd.grad((pixel_to_world(pixel, batch) * grad).sum(), (pixel, batch), create_graph=True)
    second = torch.autograd.grad(first[0].sum() + first[1][0].sum(), (pixel, batch))
    assert all(torch.isfinite(one).all() for one in (*first, *second))


def test_a_cube() -> None:
    header = sky_header("STG", (33.0, 40.0))
    header["CTYPE3"], header["CRVAL3"], header["CDELT3"] = "FREQ", 1.4e9, 1000.0
    header["CD3_3"], header["CD3_1"] = 2000.0, 3.0
    wcs = packed(header)
    free = torch.cat([torchfits.wcs_slots(wcs)[name] for name in ("crpix", "crval", "matrix")])
    scale = torch.tensor([1.0] * 3 + [0.1, 0.1, 1.0] + [1e-4] * 6 + [1.0] * 3, dtype=torch.float64)
    pixel = torch.from_numpy(random_pixels(4, 3, 60)).requires_grad_()
    steps = torch.zeros(len(free), dtype=torch.float64, requires_grad=True)

    def world(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return pixel_to_world(x, wcs_update(wcs.index_put((free,), wcs[free] + scale * s)))

    assert torch.autograd.gradcheck(world, (pixel, steps), eps=1e-3, atol=1e-3)
    assert torch.autograd.gradgradcheck(world, (pixel, steps), eps=1e-3, atol=1e-3)


SPECTRA = {
    "FREQ-LOG": (1.4e9, 1e5),
    "VOPT-F2W": (2e6, 1e4),
    "VRAD-V2F": (3e6, 1e4),
    "AWAV-F2A": (5e-7, 1e-10),
    "WAVE": (5e-7, 1e-10),
    "WAVE-GRI": (5e-7, 1e-10),
}


@pytest.mark.parametrize("ctype", SPECTRA)
def test_spectral_axes(ctype: str) -> None:
    value, step = SPECTRA[ctype]
    header = sky_header("TAN", (33.0, 40.0))
    header["CTYPE3"], header["CRVAL3"], header["CD3_3"], header["CRPIX3"] = ctype, value, step, 4.0
    header["RESTFRQ"] = 1.42e9
    if ctype.endswith("GRI"):
        header["PV3_0"], header["PV3_1"], header["PV3_2"] = 45e3, 1.0, 27.0
    wcs = packed(header)
    slots = torchfits.wcs_slots(wcs)
    free = torch.cat([slots["crpix"][2:], slots["matrix"][8:], slots["crval"][2:]])
    scale = torch.tensor([1.0, 0.01 * step, 10 * step], dtype=torch.float64)
    pixel = torch.from_numpy(random_pixels(4, 3, 60)).requires_grad_()
    steps = torch.zeros(len(free), dtype=torch.float64, requires_grad=True)

    def world(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return pixel_to_world(x, wcs_update(wcs.index_put((free,), wcs[free] + scale * s)))[..., 2] / step

    assert torch.autograd.gradcheck(world, (pixel, steps), eps=1e-2, atol=1e-5, rtol=1e-5)
    assert torch.autograd.gradgradcheck(world, (pixel, steps), eps=1e-2, atol=1e-6, rtol=1e-4)
    changed = header.copy()
    changed["CRVAL3"] += 10 * step
    found = wcs_update(wcs.index_put((free[2:],), wcs[free[2:]] + 10 * step))
    torch.testing.assert_close(found, packed(changed), rtol=1e-11, atol=0)
    if ctype == "WAVE-GRI":  # that the grism diffracts beyond its plane
        with pytest.raises(ValueError, match="no spectrum has this CRVAL"):
            wcs_update(wcs.index_put((free[2:],), torch.tensor([5e-4], dtype=torch.float64)))


def tpv_header() -> fits.Header:
    header = sky_header("TPV", (33.0, 40.0), 0.01)
    for i in (1, 2):
        header[f"PV{i}_1"], header[f"PV{i}_3"] = 1.01, 0.02
        header[f"PV{i}_4"], header[f"PV{i}_5"], header[f"PV{i}_9"], header[f"PV{i}_11"] = 0.01, -0.02, 0.03, 0.01
    return header


def test_coefficients_of_distortions_after_the_matrix() -> None:
    wcs = packed(tpv_header())
    slots = torchfits.wcs_slots(wcs)
    free = torch.cat([slots["sequent"], slots["crpix"], slots["matrix"]])
    scale = torch.tensor([1e-2] * len(slots["sequent"]) + [1.0] * 2 + [1e-4] * 4, dtype=torch.float64)
    pixel = points_of("TAN", 3).requires_grad_()
    steps = torch.zeros(len(free), dtype=torch.float64, requires_grad=True)

    def through(transform: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        return lambda x, s: transform(x, wcs_update(wcs.index_put((free,), wcs[free] + scale * s))) * 100

    assert torch.autograd.gradcheck(through(pixel_to_world), (pixel, steps), eps=1e-3, atol=1e-6)
    assert torch.autograd.gradgradcheck(through(pixel_to_world), (pixel, steps), eps=1e-3, atol=1e-5)
    world = pixel_to_world(pixel.detach(), wcs).requires_grad_()
    assert torch.autograd.gradcheck(through(world_to_pixel), (world, steps), eps=1e-4, atol=1e-2)


def general_header() -> str:
    """Polynomials of Paper IV before the matrix and after it, which the template does not hold."""
    common = {"NAXES": 2, "OFFSET.1": -40.5, "OFFSET.2": -60.0, "NAUX": 1, "AUX.1.COEFF.0": 3.0, "AUX.1.COEFF.2": 0.5}
    common |= {"AUX.1.POWER.0": 0.75, "NTERMS": 2, "TERM.2.VAR.1": 1.5, "TERM.2.VAR.2": -1, "TERM.1.AUX.1": 2}
    cards = ""
    for key, size in {"DP1": 1e-3, "DP2": -2e-3, "DQ1": 1e-6}.items():
        fields = common | {"TERM.1.COEFF": size, "TERM.2.COEFF": -3 * size}
        lines = [f"C{key[1]}DIS{key[2]}  = 'Polynomial'"]
        lines += [f"{key}     = '{field}: {value!r}'" for field, value in fields.items()]
        cards += "".join(f"{line:80}" for line in lines)
    return sky_header("TAN", (33.0, 40.0), 1e-4).tostring(endcard=False, padding=False) + cards


def test_coefficients_of_general_polynomials() -> None:
    wcs = torch.ops.fits.wcs_from_header(general_header())
    slots = torchfits.wcs_slots(wcs)
    assert wcs[slots["polynomial"]].tolist() == [1e-3, -3e-3, -2e-3, 6e-3]
    assert wcs[slots["sequent"]].tolist() == [1e-6, -3e-6]
    free = torch.cat([slots["polynomial"], slots["sequent"], slots["crpix"]])
    scale = torch.tensor([1e-2] * 4 + [1e-6] * 2 + [1.0] * 2, dtype=torch.float64)
    pixel = points_of("TAN", 3).requires_grad_()
    steps = torch.zeros(len(free), dtype=torch.float64, requires_grad=True)

    def through(transform: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        return lambda x, s: transform(x, wcs_update(wcs.index_put((free,), wcs[free] + scale * s))) * 1e3

    assert torch.autograd.gradcheck(through(pixel_to_world), (pixel, steps), eps=1e-3, atol=1e-6)
    assert torch.autograd.gradgradcheck(through(pixel_to_world), (pixel, steps), eps=1e-3, atol=1e-6)
    # a point where a power does not exist, and which is not used, brings nothing
    far = torch.tensor([[-500.0, 20.0], [30.0, 20.0]], dtype=torch.float64)
    to_pixel, to_wcs = gradients(far, wcs, torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64))
    assert torch.equal(to_wcs, gradients(far[1:], wcs, torch.ones(1, 2, dtype=torch.float64))[1])
    assert to_pixel[0].tolist() == [0.0, 0.0]


def test_reference_values_of_tables() -> None:
    """CRVAL of -TAB axes, in an array of two of them."""
    wcs = torch.ops.fits.wcs_from_file(tab_file(), 0)
    slots = torchfits.wcs_slots(wcs)
    free = torch.cat([slots["crval"], slots["crpix"], slots["matrix"]])
    pixel = torch.tensor([[1.3, 2.6], [3.2, 1.7], [0.4, 3.3]], dtype=torch.float64, requires_grad=True)
    steps = torch.zeros(len(free), dtype=torch.float64, requires_grad=True)

    def world(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return pixel_to_world(x, wcs_update(wcs.index_put((free,), wcs[free] + 0.1 * s)))

    assert torch.autograd.gradcheck(world, (pixel, steps), eps=1e-4, atol=1e-8)
    assert torch.autograd.gradgradcheck(world, (pixel, steps), eps=1e-4, atol=1e-7)
    moved = wcs_update(wcs.index_put((slots["crval"],), wcs[slots["crval"]] + 0.25))
    torch.testing.assert_close(moved, torch.ops.fits.wcs_from_file(tab_file(0.25), 0), rtol=0, atol=0)
    expected = pixel_to_world(pixel.detach() + 0.25, wcs)
    torch.testing.assert_close(pixel_to_world(pixel.detach(), moved), expected, rtol=1e-13, atol=1e-13)


def tab_file(more: float = 0.0) -> torch.Tensor:
    axes, header = 2, fits.Header()
    for i in range(1, axes + 1):
        header[f"CTYPE{i}"], header[f"CRPIX{i}"], header[f"CRVAL{i}"] = f"AX{i}--TAB", 1.0, 1.0 + more
        header[f"PS{i}_0"], header[f"PS{i}_1"], header[f"PV{i}_3"] = "WCS-table", "Coordinates", i
    y, x = np.mgrid[0:6, 0:7].astype(float)
    array = np.stack([10 * x + 0.1 * x * y + 0.3 * y**2, 5 * y - 0.2 * x**2], -1)
    column = fits.Column("Coordinates", f"{array.size}D", dim="(2,7,6)", array=array[None])
    table = fits.BinTableHDU.from_columns([column], name="WCS-table")
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(np.zeros((6, 7), "u1"), header), table]).writeto(stream)
    return torch.frombuffer(bytearray(stream.getvalue()), dtype=torch.uint8)


def test_cutouts_with_distortions() -> None:
    whole = packed(sip_header(3))
    wcs = torch.ops.fits.wcs_crop(whole, torch.tensor([100, 50]), step=[2, 3])
    torch.testing.assert_close(wcs_update(wcs), wcs, rtol=1e-12, atol=1e-12)
    free = torchfits.wcs_slots(wcs)["crpix"]
    pixel = points_of("TAN-SIP", 3).requires_grad_()
    steps = torch.zeros(2, dtype=torch.float64, requires_grad=True)

    def world(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return pixel_to_world(x, wcs_update(wcs.index_put((free,), wcs[free] + s))) * 1e3

    assert torch.autograd.gradcheck(world, (pixel, steps), eps=1e-2, atol=1e-6)
    assert torch.autograd.gradgradcheck(world, (pixel, steps), eps=1e-2, atol=1e-6)


def test_slots_that_follow_have_no_derivative() -> None:
    wcs = packed(header_of("SZP"))
    pixel = points_of("SZP")
    _, to_wcs = gradients(pixel, wcs, torch.ones_like(pixel))
    free = torch.cat(list(torchfits.wcs_slots(wcs).values()))
    assert (to_wcs[free] != 0).all()
    to_wcs[free] = 0
    assert not to_wcs.any()


def test_points_without_a_solution_stay_apart() -> None:
    wcs = packed(sky_header("SIN", scale=1.0)).requires_grad_()
    pixel = torch.tensor([[30.0, 20.0], [5000.0, 20.0], [float("nan"), 20.0], [31.0, 21.0]], dtype=torch.float64)
    pixel.requires_grad_()
    good = torch.tensor([True, False, False, True])
    world = pixel_to_world(pixel, wcs)
    masked = torch.where(good[:, None], world, 0.0).square().sum()
    first = torch.autograd.grad(masked, (pixel, wcs), create_graph=True)
    alone = torch.autograd.grad(pixel_to_world(pixel[good], wcs).square().sum(), (pixel, wcs), create_graph=True)
    torch.testing.assert_close(first[1], alone[1], rtol=1e-12, atol=1e-12)
    assert torch.equal(first[0], alone[0])
    second = torch.autograd.grad(first[1].sum() + first[0].sum(), (pixel, wcs))
    expected = torch.autograd.grad(alone[1].sum() + alone[0].sum(), (pixel, wcs))
    for one, other in zip(second, expected):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert torch.isnan(torch.autograd.grad(pixel_to_world(pixel, wcs)[1, 0], pixel)[0][1]).all()

    sky = torch.tensor([[150.0, 2.0], [330.0, -2.0]], dtype=torch.float64, requires_grad=True)
    back = torch.where(torch.tensor([[True], [False]]), world_to_pixel(sky, wcs), 0.0)
    first = torch.autograd.grad(back.square().sum(), (sky, wcs), create_graph=True)
    assert all(torch.isfinite(one).all() for one in first)
    assert all(torch.isfinite(one).all() for one in torch.autograd.grad(first[0].sum() + first[1].sum(), (sky, wcs)))


def test_what_is_refused() -> None:
    wcs = packed(sky_header("TAN"))
    slots = torchfits.wcs_slots(wcs)
    with pytest.raises(ValueError, match="singular"):
        wcs_update(wcs.index_put((slots["matrix"],), torch.zeros(4, dtype=torch.float64)))
    car = packed(header_of("CAR"))
    beyond = car.index_put((torchfits.wcs_slots(car)["lonpole"],), torch.tensor([150.0], dtype=torch.float64))
    with pytest.raises(ValueError, match="no rotation takes the reference point"):
        wcs_update(beyond)
    pixel = torch.rand(3, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="grad must be float64"):
        torch.ops.fits.pixel_to_world_backward(pixel.float(), pixel, wcs)
    with pytest.raises(ValueError, match="pixel_step must be on the host"):
        torch.ops.fits.pixel_to_world_double_backward(pixel, pixel, wcs, pixel[:2], wcs)
    with pytest.raises(ValueError, match="not a packed WCS"):
        torchfits.wcs_slots(torch.zeros(30))
    with pytest.raises(ValueError, match="different kinds"):
        torchfits.wcs_slots(torch.ops.fits.wcs_from_headers([sky_header(c).tostring() for c in ("TAN", "SIN")]))
    pixel.requires_grad_()
    (first,) = torch.autograd.grad(pixel_to_world(pixel, wcs).square().sum(), pixel, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), pixel, create_graph=True)
    with pytest.raises(NotImplementedError, match="third derivatives"):
        second.sum().backward()


def test_a_fit_recovers_pointing_scale_and_distortion() -> None:
    """CRVAL, the matrix and SIP of 400 stars, to 1e-9 pixel."""
    truth = packed(sip_header(3))
    pixel = torch.from_numpy(random_pixels(400))
    sky = pixel_to_world(pixel, truth)
    slots = torchfits.wcs_slots(truth)
    free = torch.cat([slots[name] for name in ("crval", "matrix", "sip_a", "sip_b")])
    orders = [p + q for p in range(4) for q in range(max(0, 2 - p), 4 - p)] * 2
    scale = torch.tensor([1e-4] * 2 + [1e-7] * 4 + [1000.0**-n for n in orders], dtype=torch.float64)
    random = torch.randn(len(free), dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    start = truth.index_put((free,), truth[free] + 10 * scale * random)
    assert (world_to_pixel(sky, wcs_update(start)) - pixel).abs().max() > 3
    steps = torch.zeros(len(free), dtype=torch.float64, requires_grad=True)

    def fitted() -> torch.Tensor:
        return wcs_update(start.index_put((free,), start[free] + scale * steps))

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = (world_to_pixel(sky, fitted()) - pixel).square().mean()
        value.backward()
        return value

    optimizer = torch.optim.LBFGS(
        [steps], max_iter=400, history_size=50, tolerance_grad=1e-16, tolerance_change=0, line_search_fn="strong_wolfe"
    )
    optimizer.step(loss)
    assert (world_to_pixel(sky, fitted()) - pixel).abs().max() < 1e-9


def descent(pixel: torch.Tensor, sky: torch.Tensor, wcs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A loss and its gradient in a graph."""
    loss = (pixel_to_world(pixel, wcs_update(wcs)) - sky).square().sum()
    return loss, torch.autograd.grad(loss, wcs)[0]


def test_compiled_with_its_backward() -> None:
    wcs = packed(header_of("TAN-SIP")).requires_grad_()
    pixel = points_of("TAN-SIP", 50)
    sky = pixel_to_world(pixel, wcs.detach()) + 1e-3
    expected = descent(pixel, sky, wcs)

    def forward(w: torch.Tensor) -> torch.Tensor:
        return (pixel_to_world(pixel, wcs_update(w)) - sky).square().sum()

    loss = torch.compile(forward, fullgraph=True)(wcs)
    (found,) = torch.autograd.grad(loss, wcs)
    torch.testing.assert_close(loss, expected[0])
    torch.testing.assert_close(found, expected[1])


def test_checked_with_gradients() -> None:
    for code in ("TAN", "SZP"):
        wcs = packed(header_of(code)).requires_grad_()
        pixel = points_of(code).requires_grad_()
        grad = torch.rand_like(pixel).requires_grad_()
        world = pixel_to_world(pixel, wcs).detach().requires_grad_()
        torch.library.opcheck(torch.ops.fits.pixel_to_world.default, (pixel, wcs))
        torch.library.opcheck(torch.ops.fits.world_to_pixel.default, (world, wcs))
        torch.library.opcheck(torch.ops.fits.pixel_to_world_backward.default, (grad, pixel, wcs))
        torch.library.opcheck(torch.ops.fits.wcs_jacobian.default, (pixel, wcs))
        torch.library.opcheck(torch.ops.fits.wcs_update.default, (wcs,))


def test_float32_pixels_get_float32_gradients() -> None:
    wcs = packed(sky_header("TAN")).requires_grad_()
    pixel = torch.rand(5, 2, requires_grad=True)
    pixel_to_world(pixel, wcs).sum().backward()
    assert pixel.grad is not None
    assert wcs.grad is not None
    assert (pixel.grad.dtype, wcs.grad.dtype) == (torch.float32, torch.float64)


@pytest.mark.parametrize("code", [code for code in SMOOTH if code not in ("QSC", "XPH")])
def test_derivatives_at_the_fiducial_point(code: str) -> None:
    """Where radii are 0 and latitudes on the equator; QSC and XPH have corners there."""
    header = sky_header(code, (33.0, 40.0), 0.5)
    for m, value in PARAMETERS.get(code, {}).items():
        header[f"PV2_{m}"] = value if (code, m) != ("ZPN", 0) else 0.0
    wcs = packed(header)
    pixel = torch.tensor([[30.5, 19.25]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: pixel_to_world(x, wcs), pixel, eps=1e-4, atol=1e-6)
    matrices = torch.ops.fits.wcs_jacobian(pixel, wcs)
    for row in range(2):
        (found,) = torch.autograd.grad(pixel_to_world(pixel, wcs)[0, row], pixel)
        torch.testing.assert_close(found[0], matrices[0, row], rtol=1e-12, atol=1e-14)
    torch.manual_seed(1)
    assert torch.autograd.gradgradcheck(lambda x: pixel_to_world(x, wcs), pixel, eps=1e-4, atol=1e-5)


def test_the_gradient_at_the_reference_point() -> None:
    """CRVAL's own is the identity there."""
    for code in ("TAN", "SIN", "ARC", "STG", "ZEA"):
        wcs = packed(sky_header(code, (33.0, 40.0)))
        pixel = torch.tensor([[30.5, 19.25]], dtype=torch.float64)
        slots = torchfits.wcs_slots(wcs)["crval"]
        rows = [gradients(pixel, wcs, row[None])[1][slots] for row in torch.eye(2, dtype=torch.float64)]
        np.testing.assert_allclose(torch.stack(rows), np.eye(2), rtol=0, atol=1e-12)
