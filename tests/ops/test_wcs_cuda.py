"""World coordinates on a CUDA device: the CPU's bits, and what a device must do without being asked.

All of it needs a GPU and is skipped without one; tests/cpp/test_cuda_wcs.cpp
and test_cuda_wcs_bridge.cpp run what a thread does on the host.
"""

from __future__ import annotations

import pytest
import torch
from wcs_samples import packed, sip_header, sky_header

ops = torch.ops.fits
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
CODES = ("TAN", "SIN", "ZPN", "AIR", "CAR", "MOL", "AIT", "BON", "PCO", "COO", "TSC", "CSC", "QSC", "HPX", "XPH")
TRANSFORMS = (ops.pixel_to_world_status, ops.world_to_pixel_status)


def points(count: int = 4000, naxis: int = 2) -> torch.Tensor:
    values = torch.rand(count, naxis, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 4000 - 1000
    values[7:8, 0] = torch.nan
    return values


def same_bits(found: torch.Tensor, expected: torch.Tensor) -> None:
    found = found.cpu()
    nan = expected.isnan()
    assert torch.equal(found.isnan(), nan)
    assert torch.equal(found.masked_fill(nan, 0), expected.masked_fill(nan, 0))


@pytest.mark.parametrize("code", CODES)
def test_projections_on_cuda(code: str) -> None:
    wcs, pixel = packed(sky_header(code)), points()
    for transform, coordinates in zip(TRANSFORMS, (pixel, ops.pixel_to_world(pixel, wcs)), strict=True):
        expected, status = transform(coordinates, wcs)
        found, bits = transform(coordinates.cuda(), wcs.cuda())
        same_bits(found, expected)
        assert torch.equal(bits.cpu(), status)
    same_bits(ops.wcs_jacobian(pixel.cuda(), wcs.cuda()), ops.wcs_jacobian(pixel, wcs))


def test_sip_and_other_dtypes_on_cuda() -> None:
    wcs, pixel = packed(sip_header()), points().float()
    world = ops.pixel_to_world(pixel, wcs)
    same_bits(ops.pixel_to_world(pixel.cuda(), wcs.cuda()), world)
    same_bits(ops.world_to_pixel(world.cuda(), wcs.cuda()), ops.world_to_pixel(world, wcs))


def test_batch_of_mixed_projections_on_cuda() -> None:
    headers = [sky_header("TAN"), sip_header(), sky_header("AIT"), sky_header("CSC")]
    wcs = ops.wcs_from_headers([header.tostring() for header in headers])
    pixel = points(1200).view(4, 10, 30, 2)
    same_bits(ops.pixel_to_world(pixel.cuda(), wcs.cuda()), ops.pixel_to_world(pixel, wcs))


def test_what_is_no_wcs_gives_nan_on_cuda() -> None:
    world, status = ops.pixel_to_world_status(points(5).cuda(), torch.zeros(200, dtype=torch.float64, device="cuda"))
    assert world.isnan().all()
    assert (status == 3).all()


PAIRS = [("TAN", "TAN"), ("TAN", "SIN"), ("SIN", "TAN"), ("CAR", "AIT"), ("CAR", "MOL"), ("HPX", "XPH"), ("COO", "BON")]


@pytest.mark.parametrize("one, other", PAIRS)
def test_pixels_to_pixels_on_cuda(one: str, other: str) -> None:
    wcs_in, wcs_out, pixel = packed(sky_header(one)), packed(sky_header(other)), points()
    expected = ops.pixel_to_pixel(pixel, wcs_in, wcs_out)
    same_bits(ops.pixel_to_pixel(pixel.cuda(), wcs_in.cuda(), wcs_out.cuda()), expected)


def test_pixels_to_pixels_of_batches_on_cuda() -> None:
    headers = [sky_header("TAN"), sip_header(), sky_header("AIT")]
    many = ops.wcs_from_headers([header.tostring() for header in headers])
    one, pixel = packed(sip_header()), points(300).view(3, 5, 20, 2).float()
    for wcs_in, wcs_out in ((many, one), (one, many), (many, many)):
        expected = ops.pixel_to_pixel(pixel, wcs_in, wcs_out)
        same_bits(ops.pixel_to_pixel(pixel.cuda(), wcs_in.cuda(), wcs_out.cuda()), expected)


def test_derivative_of_pixels_to_pixels_on_cuda() -> None:
    wcs_in, wcs_out, pixel = packed(sip_header()), packed(sky_header("SIN")), points(50).nan_to_num(3.0)

    def gradient(device: str) -> torch.Tensor:
        at = pixel.to(device).requires_grad_()
        ops.pixel_to_pixel(at, wcs_in.to(device), wcs_out.to(device)).sum().backward()
        assert at.grad is not None
        return at.grad.cpu()

    torch.testing.assert_close(gradient("cuda"), gradient("cpu"), equal_nan=True)


def test_frames_that_differ_give_nan_on_cuda() -> None:
    """On the CPU they raise; here that would mean waiting."""
    other = sky_header()
    other["RADESYS"] = "FK4"
    found = ops.pixel_to_pixel(points(5).cuda(), packed(sky_header()).cuda(), packed(other).cuda())
    assert found.isnan().all()


def test_two_devices_are_refused_on_cuda() -> None:
    with pytest.raises((ValueError, RuntimeError), match="one device"):
        ops.pixel_to_world(points(5), packed(sky_header()).cuda())


def test_no_points_on_cuda() -> None:
    wcs = packed(sky_header()).cuda()
    assert ops.pixel_to_world(points(0).cuda(), wcs).shape == (0, 2)
    assert ops.pixel_to_pixel(points(0).cuda(), wcs, wcs).shape == (0, 2)
