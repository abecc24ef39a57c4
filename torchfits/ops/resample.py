"""wcs_tan, resample: north-up stamps, images onto another WCS, and the transpose that is its derivative."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch

from torchfits.ops.autograd import register_autograd
from torchfits.ops.tracing import outside_capture

DOCS = {
    "wcs_tan": """Packed WCS of north-up stamps: gnomonic (TAN), north up, east to the left.

``center`` ``[B, 2]`` (or ``[2]``): longitude and latitude of the centres in degrees; ``shape`` = (H, W);
``pixel_scale`` in degrees. Returns float64 ``[B, P]`` (``[P]``), P always the same: bit for bit what ``wcs_from_header``
makes of CTYPE RA---TAN and DEC--TAN, CRVAL the centre, CRPIX ``(W + 1) / 2`` and ``(H + 1) / 2``, CDELT ``-pixel_scale``
and ``pixel_scale``: ICRS. ``like``, packed WCS ``[P]`` or ``[B, P]`` (any of the sky): stamps of its celestial frame
instead, which ``resample`` asks for where that is another::

    stamps = torch.ops.fits.wcs_tan(centers, [64, 64], 0.2 / 3600, like=wcs)
    images, weight = torch.ops.fits.resample(image, wcs, stamps, [64, 64])

No derivatives. Errors: ValueError for centres that are not finite or beyond a pole, a scale that is not positive.
""",
    "resample": """Images onto the pixels of another WCS: ``image`` and ``weight``, both of ``shape`` = (H_out, W_out).

| ``wcs_in`` | ``wcs_out`` | ``image`` | returns |
|---|---|---|---|
| ``[P]`` | ``[P]`` | ``[..., H, W]`` | ``[..., *shape]`` |
| ``[P]`` | ``[B, P]`` | ``[..., H, W]``: one image, B views of it | ``[B, ..., *shape]`` |
| ``[B, P]`` | ``[P]`` or ``[B, P]`` | ``[B, ..., H, W]``: each through its own WCS | ``[B, ..., *shape]`` |

So images are a batch where ``wcs_in`` is one (of images that share it: ``wcs_in.expand(B, -1)``), results where either
is. The dimensions ``...`` are planes, which lie alike on the sky: places are found once for all of them. Both WCS have
two axes (celestial ones of the same frame: nothing is precessed). ``image`` is float32, float64, float16 or bfloat16,
and so are the results; arithmetic is float64, rounded once (float16 and bfloat16 by way of float32).

``method``
  - ``nearest``, ``bilinear``: the pixel there, or the four around it by distance.
  - ``bicubic``: 4 by 4 pixels, by the convolution of Keys (1981) with a = -1/2, exact for quadratic polynomials.
  - ``area``: flux. Each output pixel gets, of every input pixel, the fraction that it covers: sums are kept, where an
    output pixel is larger it holds more. Pixels are polygons with straight edges on the input's pixels, exact covers.
    Surface brightness, as reproject_exact gives it, is ``resample(image, ...)`` divided by the same of an image of ones.

``weight``: 1, or of ``area`` the fraction of the output pixel that lies on the image; 0 outside, where ``image`` is
``fill`` (None: NaN), and where it is NaN. A pixel reaches half a pixel from its centre: within [-0.5, N - 0.5] is
inside, and there what lies beyond an edge counts as the pixel at it. A NaN comes out where it has a part of more than
1e-9, and nowhere else. Output pixels across a seam of the sky (the edges of an all-sky image) are outside for ``area``.

Derivative: of ``image``, any order (it is linear), by ``resample_backward``. Errors: ValueError for integers (convert
them), shapes that do not fit, two WCS that have not the same world coordinates; NotImplementedError for derivatives in
``wcs_in`` and ``wcs_out``.
""",
    "resample_backward": """The transpose of ``resample``: gradients of its images to those of its input.

``grad`` as ``resample`` returns its image, ``shape`` = (H, W) of the input; what lay outside adds nothing. Each pixel's
contributions are added, in its type, in the order of the output's tiles (8 by 128 pixels), whatever the threads: the same
bits every time. Derivative: of ``grad``, which is ``resample``. Errors as of ``resample``.
""",
}


_ANY_TAN = "CTYPE1  = 'RA---TAN'".ljust(80) + "CTYPE2  = 'DEC--TAN'".ljust(80)


@functools.cache
def _tan_length() -> int:
    with outside_capture():
        return int(torch.ops.fits.wcs_from_header(_ANY_TAN).shape[0])


@torch.library.register_fake("fits::wcs_tan")
def _(center: torch.Tensor, shape: Sequence[int], pixel_scale: float, like: torch.Tensor | None = None) -> torch.Tensor:
    return center.new_empty([*center.shape[:-1], _tan_length()], dtype=torch.float64)


def _planes(tensor: torch.Tensor, batch: bool) -> list[int]:
    return list(tensor.shape[1 if batch else 0 : -2])


def _batch(wcs_in: torch.Tensor, wcs_out: torch.Tensor) -> list[int]:
    return [wcs.shape[0] for wcs in (wcs_in, wcs_out) if wcs.dim() == 2][:1]


@torch.library.register_fake("fits::resample")
def _(
    image: torch.Tensor,
    wcs_in: torch.Tensor,
    wcs_out: torch.Tensor,
    shape: Sequence[int],
    method: str = "bilinear",
    *,
    fill: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    size = [*_batch(wcs_in, wcs_out), *_planes(image, wcs_in.dim() == 2), *shape]
    return image.new_empty(size), image.new_empty(size)


@torch.library.register_fake("fits::resample_backward")
def _(
    grad: torch.Tensor, wcs_in: torch.Tensor, wcs_out: torch.Tensor, shape: Sequence[int], method: str = "bilinear"
) -> torch.Tensor:
    batch = _batch(wcs_in, wcs_out)
    return grad.new_empty([*(batch if wcs_in.dim() == 2 else []), *_planes(grad, bool(batch)), *shape])


def _remember(ctx: Any, inputs: tuple[Any, ...]) -> None:
    tensor, wcs_in, wcs_out, _, ctx.method = inputs
    if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
        raise NotImplementedError(
            "resample: derivatives in wcs_in and wcs_out are not there; they can be had by mapping the pixels with "
            "pixel_to_world and world_to_pixel and sampling with torch.nn.functional.grid_sample"
        )
    ctx.shape = list(tensor.shape[-2:])
    ctx.save_for_backward(wcs_in, wcs_out)


def _keep(ctx: Any, inputs: tuple[Any, ...], keyword_only_inputs: dict[str, Any], output: Any) -> None:
    _remember(ctx, inputs)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, grad: torch.Tensor, _: Any) -> tuple[torch.Tensor, None, None, None, None]:
    grad = torch.ops.fits.resample_backward(grad, *ctx.saved_tensors, ctx.shape, ctx.method)
    return grad, None, None, None, None


def _keep_backward(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    _remember(ctx, inputs)


def _double_backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
    value, _ = torch.ops.fits.resample(grad, *ctx.saved_tensors, ctx.shape, ctx.method, fill=0.0)
    return value, None, None, None, None


register_autograd("resample", _backward, _keep)
register_autograd("resample_backward", _double_backward, _keep_backward)


def _keep_tan(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    raise NotImplementedError("wcs_tan: derivatives in its arguments are not there; give it center.detach()")


def _tan_backward(ctx: Any, grad: torch.Tensor) -> None:
    raise NotImplementedError("wcs_tan has no derivatives")


register_autograd("wcs_tan", _tan_backward, _keep_tan)
