"""pixel_to_pixel, wcs_footprint, wcs_crop, wcs_to_header: what follows from packed world coordinate systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torchfits.ops.autograd import register_autograd
from torchfits.ops.tracing import unknown_size

DOCS = {
    "pixel_to_pixel": """Pixel coordinates of one WCS to those of another: ``world_to_pixel`` of ``pixel_to_world``, in one step.

``pixel`` ``[..., N]`` with ``wcs_in`` and ``wcs_out`` ``[P]``; or ``[B, ..., N]`` with ``[B, P]`` on both sides, or on one
and ``[P]``, which then serves all, on the other. 0-based, any real type; float64 of the same shape is returned. Nothing is
as long as the world coordinates between: of celestial axes only directions exist, which one rotation takes from one
projection's native system to the other's (TAN to TAN is a homography), so that the result is nearer to the truth than
degrees, which end at 3e-14, would allow. Distortions and other axes take part as in the two transforms. The longitude and
latitude axes may stand in either order; other axes meet in the order in which they come. A point that is off one of the
projections, or where a distortion cannot be undone, is NaN, that point alone.

World coordinates must mean the same: ValueError, naming both, where celestial frames (RADESYS, EQUINOX), the kinds of
other axes (CTYPE), their units, or what spectra are relative to (RESTFRQ, RESTWAV of velocities, SPECSYS) differ. (astropy
transforms between frames; here that is for the caller to do between ``pixel_to_world`` and ``world_to_pixel``.) On a CUDA
device, where raising would mean waiting, every coordinate is NaN instead: compare the headers first. Derivative: of ``pixel``, by ``wcs_jacobian`` on both sides; NaN at a celestial
pole. NotImplementedError for derivatives in the WCS, which ``world_to_pixel(pixel_to_world(pixel, wcs_in), wcs_out)`` has,
and for second derivatives.
""",
    "wcs_footprint": """The outline of an image in world coordinates: float64 ``[4 * per_side, 2]``, of a batch ``[B, ...]``.

``shape``: the image's, ``[H, W]``: of the first two pixel axes; further ones are at their reference pixel. Of each point the
two celestial world coordinates (without such, the first two) in the header's order. Points are centres of pixels, as with
astropy's ``calc_footprint(center=True)`` and in its order: from pixel (0, 0) up to (0, H - 1), right to (W - 1, H - 1), down
to (W - 1, 0), and back; ``per_side`` points on each side, evenly, beginning with its corner. A corner without world
coordinates is NaN. Errors: ValueError for a shape that is not two positive numbers. No derivatives:
``pixel_to_world`` of the outline has them.
""",
    "wcs_crop": """The WCS of a cutout: ``pixel_to_world(q, wcs_crop(wcs, corner, step))`` is ``pixel_to_world(corner + step * q, wcs)``.

``corners``: int64 ``[N]`` or ``[B, N]``, the first pixel of each cutout in the order of a tensor's axes (NAXIS1 last), as
``read_cutouts`` takes them, inside the image or not; ``step``: the stride of each axis, likewise ordered, negative where it
is reversed. Returns ``[P]``, or ``[B, P]`` where either ``wcs`` or ``corners`` is a batch. CRPIX and the matrix become the
cutout's; distortions that were measured in pixels stay, and are evaluated in the pixels of the image from which it was cut
(csrc/wcs/pixel_grid.h), so that cutouts of cutouts and reversed ones are exact for every kind.

A cutout with steps holds the pixels ``image[start::step]`` themselves. astropy's slices with steps describe averaged blocks,
whose centres lie ``(step - 1) / 2`` pixels on. Derivative: of ``wcs``. Errors: ValueError for a step of 0 and for numbers
of axes that do not fit.
""",
    "wcs_to_header": """A packed WCS as header cards, 80 characters each, joined by line feeds: what ``header`` gives.

``wcs_from_header`` reads the same vector back from it, bit for bit. Celestial, spectral, time and linear axes with all
distortions that have no tables: SIP as such, TPV and TPU as PVi_m, and as records of Paper IV's draft all others, CPDISj and
CQDISi = 'TPD' or 'Polynomial' with DPj and DQi, which wcslib reads: TNX, ZPX and plate solutions are TPD polynomials then
(as wcslib's own ``wcshdo`` writes them), with the same coordinates bit for bit. Not the same vector but the same
coordinates to 1e-13 degree come back of a distorted cutout (``wcs_crop``), whose coefficients are rewritten for its pixels.
Numbers are as short as they can be read back exactly, angles in degrees, other values in SI units as wcslib converted them;
always the primary WCS. Text lives in no graph: eager and TorchScript only.

Errors: ValueError, with the reason, for what lies in other HDUs, which a header alone cannot describe (lookup tables, -TAB
coordinates): the packed tensor itself holds it all, and saves and pickles bit for bit; for slots that no header gives, a SIP
origin that is not CRPIX, units longer than 8 characters, and a batch.
""",
    "wcs_header_text": "The same cards as uint8 ``[n * 80]``, end to end without line feeds.",
}


@torch.library.register_fake("fits::pixel_to_pixel")
def _(pixel: torch.Tensor, wcs_in: torch.Tensor, wcs_out: torch.Tensor) -> torch.Tensor:
    return pixel.new_empty(pixel.shape, dtype=torch.float64)


@torch.library.register_fake("fits::wcs_footprint")
def _(wcs: torch.Tensor, shape: Sequence[int | torch.SymInt], per_side: int | torch.SymInt = 1) -> torch.Tensor:
    return wcs.new_empty([*wcs.shape[:-1], 4 * per_side, 2])


@torch.library.register_fake("fits::wcs_crop")
def _(wcs: torch.Tensor, corners: torch.Tensor, step: Sequence[int | torch.SymInt] | None = None) -> torch.Tensor:
    batch = corners.shape[:-1] if corners.dim() == 2 else wcs.shape[:-1]
    return wcs.new_empty([*batch, wcs.shape[-1]])


@torch.library.register_fake("fits::wcs_header_text")
def _(wcs: torch.Tensor) -> torch.Tensor:
    return wcs.new_empty(unknown_size(), dtype=torch.uint8)


def _keep_pixels(ctx: Any, inputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], output: torch.Tensor) -> None:
    pixel, wcs_in, wcs_out = inputs
    if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
        raise NotImplementedError(
            "pixel_to_pixel has no derivatives in its WCS: world_to_pixel(pixel_to_world(pixel, wcs_in), wcs_out) has"
        )
    ctx.dtype = pixel.dtype
    ctx.save_for_backward(pixel, output, wcs_in, wcs_out)


def _ordered_jacobian(pixel: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
    """Rows: longitude, latitude, then the other world axes in their order."""
    matrix: torch.Tensor = torch.ops.fits.wcs_jacobian(pixel, wcs)
    axes = torch.arange(pixel.shape[-1], device=wcs.device)
    lng, lat = wcs[..., 3:4], wcs[..., 4:5]
    order = torch.where(axes == lng, -2, torch.where(axes == lat, -1, axes)).argsort(-1)
    order = order.reshape(*wcs.shape[:-1], *[1] * (pixel.dim() - wcs.dim()), -1, 1)
    return matrix.gather(-2, order.expand(matrix.shape))


def _pixel_gradient(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
    pixel, result, wcs_in, wcs_out = ctx.saved_tensors
    there, back = _ordered_jacobian(pixel, wcs_in), _ordered_jacobian(result, wcs_out)
    world = torch.linalg.solve_ex(back.mT, grad[..., None])[0]
    return (there.mT @ world)[..., 0].to(ctx.dtype), None, None


register_autograd("pixel_to_pixel", _pixel_gradient, _keep_pixels)


def _keep_outline(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    raise NotImplementedError("wcs_footprint has no derivatives: pixel_to_world of the outline's pixels has")


def _no_gradient(ctx: Any, grad: torch.Tensor) -> None:
    raise NotImplementedError("wcs_footprint has no derivatives: pixel_to_world of the outline's pixels has")


register_autograd("wcs_footprint", _no_gradient, _keep_outline)


def _keep_crop(ctx: Any, inputs: tuple[torch.Tensor, torch.Tensor, list[int] | None], output: torch.Tensor) -> None:
    wcs, corners, step = inputs
    ctx.save_for_backward(wcs)
    ctx.batched = corners.dim() == 2 and wcs.dim() == 1
    ctx.step = [1] * corners.shape[-1] if step is None else list(step)[::-1]


def _crop_gradient(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
    """Each slot of the result is a multiple of the same slot of ``wcs``, and a constant."""
    (wcs,) = ctx.saved_tensors
    n = len(ctx.step)
    step = torch.tensor(ctx.step, dtype=wcs.dtype, device=wcs.device)
    ones = torch.ones(n, dtype=wcs.dtype, device=wcs.device)
    factors = torch.cat([1 / step, ones, step.repeat(n), (1 / step).repeat_interleave(n)])
    slots = wcs[..., 8:9].long() + torch.arange(len(factors), device=wcs.device)  # of the linear block
    factor = torch.ones_like(wcs).scatter(-1, slots, factors.expand(slots.shape))
    gradient = grad * factor
    return gradient.sum(0) if ctx.batched else gradient, None, None


register_autograd("wcs_crop", _crop_gradient, _keep_crop)
