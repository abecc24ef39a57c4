"""Derivatives of world coordinates: wcs_update, and the autograd formulas of the transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from torchfits.ops.autograd import register_autograd

DOCS = {
    "wcs_update": """A packed WCS whose free slots have changed, made whole: float64 ``[P]`` or ``[B, P]``.

What follows from the free slots is made again: the inverse matrix, the rotation (from CRVAL, LONPOLE; WCS Paper II,
section 2.4), the constants of the projection (from PVi_m), SIP's origin, the angles of grisms and where -TAB arrays begin
(from CRVAL), which side of a folded distortion is valid. Free slots, which ``torchfits.wcs_slots`` names,
are those that a fit may vary. Derivatives in a packed WCS are those of its free slots, with all others following, so that
that of ``wcs_update`` is the identity::

    slots = torchfits.wcs_slots(wcs)
    crval = wcs[slots["crval"]].clone().requires_grad_()
    world = torch.ops.fits.pixel_to_world(pixel, torch.ops.fits.wcs_update(wcs.index_put((slots["crval"],), crval)))

Of two solutions for LATPOLE that which is nearer to its value so far is taken. Errors: ValueError for a singular matrix,
where no rotation takes the reference point to CRVAL, and where no spectrum has it.
""",
    "pixel_to_world_backward": """The derivative of ``pixel_to_world``: gradients in its arguments from that in its result.

``grad`` float64, of the shape of ``pixel``. Returns float64 of the shapes of ``pixel`` and ``wcs``; one that is not wanted
is of shape ``[0]``. Sums over points are taken in a fixed order.
""",
    "pixel_to_world_double_backward": """The derivative of ``pixel_to_world_backward``, from directions in its results.

``pixel_step`` and ``wcs_step``, of the shapes of ``pixel`` and ``wcs``, are directions. Returns the derivatives along them
of world coordinates, and of both gradients.
""",
}


@torch.library.register_fake("fits::wcs_update")
def _(wcs: torch.Tensor) -> torch.Tensor:
    return wcs.new_empty(wcs.shape)


@torch.library.register_fake("fits::pixel_to_world_backward")
def _(
    grad: torch.Tensor, pixel: torch.Tensor, wcs: torch.Tensor, of_pixel: bool = True, of_wcs: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    return grad.new_empty(pixel.shape if of_pixel else [0]), grad.new_empty(wcs.shape if of_wcs else [0])


@torch.library.register_fake("fits::pixel_to_world_double_backward")
def _(
    grad: torch.Tensor, pixel: torch.Tensor, wcs: torch.Tensor, pixel_step: torch.Tensor, wcs_step: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return grad.new_empty(pixel.shape), grad.new_empty(pixel.shape), grad.new_empty(wcs.shape)


def _keep_inputs(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*(one for one in inputs if isinstance(one, torch.Tensor)))


def _keep_result(ctx: Any, inputs: tuple[torch.Tensor, torch.Tensor], output: Any) -> None:
    world, wcs = inputs
    ctx.dtype = world.dtype
    ctx.save_for_backward(output[0] if isinstance(output, tuple) else output, wcs)


def _forward_gradient(ctx: Any, grad: torch.Tensor, *_: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    pixel, wcs = ctx.saved_tensors
    of_pixel, of_wcs = ctx.needs_input_grad
    to_pixel, to_wcs = torch.ops.fits.pixel_to_world_backward(grad, pixel, wcs, of_pixel, of_wcs)
    return to_pixel.to(pixel.dtype) if of_pixel else None, to_wcs if of_wcs else None


def _inverse_gradient(ctx: Any, grad: torch.Tensor, *_: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """By the implicit function theorem; never through the iteration that found the pixel."""
    pixel, wcs = ctx.saved_tensors
    of_world, of_wcs = ctx.needs_input_grad
    matrix = torch.ops.fits.wcs_jacobian(pixel, wcs)
    unused = (grad == 0).all(-1)[..., None, None]  # such points may have no solution
    matrix = torch.where(unused, torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device), matrix)
    to_world = torch.linalg.solve_ex(matrix.mT, grad[..., None])[0][..., 0]
    to_wcs = torch.ops.fits.pixel_to_world_backward(-to_world, pixel, wcs, False, True)[1] if of_wcs else None
    return to_world.to(ctx.dtype) if of_world else None, to_wcs


def _backward_gradient(ctx: Any, pixel_step: torch.Tensor, wcs_step: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    grad, pixel, wcs = ctx.saved_tensors
    if pixel_step.shape != pixel.shape:  # it was not wanted
        pixel_step = torch.zeros_like(grad)
    if wcs_step.shape != wcs.shape:
        wcs_step = torch.zeros_like(wcs)
    to_grad, to_pixel, to_wcs = torch.ops.fits.pixel_to_world_double_backward(grad, pixel, wcs, pixel_step, wcs_step)
    return to_grad, to_pixel.to(pixel.dtype), to_wcs, None, None


def _jacobian_gradient(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Row i of the matrix is the gradient of world coordinate i: all rows in one call, as if they were points."""
    pixel, wcs = ctx.saved_tensors
    naxis, rows = pixel.shape[-1], wcs.dim() - 1
    step = grad.movedim(-2, rows)
    each = pixel.unsqueeze(rows).to(torch.float64).expand(step.shape)
    one = torch.eye(naxis, dtype=torch.float64, device=pixel.device)
    one = one.reshape([naxis] + [1] * (pixel.dim() - 1 - rows) + [naxis]).expand(step.shape)
    one = torch.where((step == 0).all(-1, keepdim=True), 0.0, one)  # a point that is not used may have no solution
    _, to_pixel, to_wcs = torch.ops.fits.pixel_to_world_double_backward(one, each, wcs, step, torch.zeros_like(wcs))
    return to_pixel.sum(rows).to(pixel.dtype), to_wcs


def _no_gradient(ctx: Any, *grads: torch.Tensor) -> None:
    raise NotImplementedError("third derivatives of world coordinates are not there; first and second ones are")


def _identity(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
    return grad


_FORMULAS: list[tuple[str, Callable[..., Any], Callable[..., None] | None]] = [
    ("pixel_to_world", _forward_gradient, _keep_inputs),
    ("pixel_to_world_status", _forward_gradient, _keep_inputs),
    ("world_to_pixel", _inverse_gradient, _keep_result),
    ("world_to_pixel_status", _inverse_gradient, _keep_result),
    ("wcs_jacobian", _jacobian_gradient, _keep_inputs),
    ("pixel_to_world_backward", _backward_gradient, _keep_inputs),
    ("pixel_to_world_double_backward", _no_gradient, None),
    ("wcs_update", _identity, None),
]
for _name, _gradient, _keep in _FORMULAS:
    register_autograd(_name, _gradient, _keep)
