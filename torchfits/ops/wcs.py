"""wcs_from_*, pixel_to_world, world_to_pixel: world coordinates."""

from __future__ import annotations

import torch

from torchfits.ops.tracing import batch_size, unknown_size

_STATUS = """Status int32 ``[...]`` (``[B, ...]``): bit i is set where world axis i has no solution, bit 29 where the inverse of a
distortion did not converge, bit 30 where the distortion folds the image (its Jacobian determinant is not positive)."""

DOCS = {
    "wcs_from_header": """A header's world coordinate system as a packed vector: float64 ``[P]`` (csrc/wcs/layout.h).

``header``: cards, one a line or 80 characters each, with or without END; ``alt``: "" or the letter of an alternate
(WCS Paper I, section 2.1). The header is parsed, repaired (cdfix, unitfix, datfix, spcfix, celfix) and completed by
wcslib, with SIP as astropy treats it. All celestial projections of wcslib with CD, PC, CDELT, CROTA, LONPOLE, LATPOLE;
SIP to order 9; TPV (and TAN with PVi_5 or more, as SCAMP wrote it), TNX, ZPX, plate solutions of the Digitized Sky
Survey; the polynomials of Paper IV's draft before and after the matrix (CPDISj, CQDISi: TPD, TPV, SIP, Polynomial), of
any axes; linear, STOKES and time axes (as numbers in the header's unit); all spectral types with all algorithms
(F2W ... V2A), GRI, GRA; -LOG of any type; CUBEFACE; up to 16 axes in all. What lies in other HDUs of the file,
coordinates of -TAB axes (tables of up to six dimensions) and lookup tables (CPDISj, D2IMDISj), only ``wcs_from_file``
and ``wcs_from_files`` can read. The vector can be saved, stacked and moved between devices; ``P`` depends on what the
header describes.

Errors: RuntimeError with wcslib's reason for a header that is wrong, and for the world coordinates of table columns
(TCTYPn, iCTYPn), of which ``torchfits.WCS(header, keysel=...)`` makes an image's; ValueError for an ``alt`` that is no
letter.
""",
    "wcs_from_headers": """The same of many headers in parallel: float64 ``[B, P]``, the shorter ones padded with zeros.

Raises for the first bad header.
""",
    "wcs_from_file": """The same of an HDU of a file, whose header is taken as the user sees it (as ``header`` gives it).

With what lies in other HDUs, found by EXTNAME and EXTVER as astropy finds it: lookup tables of distortions, ``CPDISj``
= 'Lookup' (records ``DPj``, images WCSDVARR) and detector to image ``D2IMDISj`` (``D2IMj``, D2IMARR; its old form
AXISCORR). ``wcs_from_header`` refuses such headers. Errors also: RuntimeError for a table that is not there, that is
not of two axes, or whose records contradict it.
""",
    "wcs_from_file.bytes": "The same of a file held in memory, uint8 ``[n]``.",
    "wcs_from_files": "The same of one HDU of each of many files: float64 ``[B, P]``. Raises for the first bad file.",
    "wcs_from_files.packed": "The same of files laid end to end.",
    "pixel_to_world": """Pixel to world coordinates (WCS Papers I and II, SIP).

``pixel`` ``[..., N]`` with ``wcs`` ``[P]``, or ``[B, ..., N]`` with ``[B, P]``, each item through its own WCS; 0-based,
any real type, in the header's axis order (x first). Returns float64 of the same shape: degrees for celestial axes, SI
units for others. The arithmetic is float64, the same bits on every machine: within 1e-13 degree of exact for most
projections away from their limbs. A point that has no solution (outside the projection, or NaN in) is NaN in the axes
concerned, that point alone. Longitudes are in [0, 360], as wcslib gives them.

Derivatives, first and second: of ``pixel``, and of ``wcs`` in its free slots: CRPIX, CRVAL, the matrix, LONPOLE, PVi_m of
projections, coefficients of all polynomial distortions (``torchfits.wcs_slots`` names them, ``wcs_update`` says how a
changed WCS is used). All others are constants, of gradient 0, also where the result depends on them: the elements of lookup
tables and -TAB arrays, RESTFRQ and the parameters of grisms, powers and origins of polynomials. Sums over points repeat bit for bit whatever the number of threads. A point without a
solution has the derivative 0 where its gradient is 0, else NaN. Errors: ValueError for a ``wcs`` that is not a packed
WCS, shapes that do not fit, complex or bool coordinates; NotImplementedError for third derivatives.

On CUDA the arithmetic is the same; what the slots hold is not looked at before, which would wait for the device: a
``wcs`` that is no packed WCS, or one of another number of axes, gives NaN and all status bits there. Its derivatives
are computed on the CPU alone: for them bring both tensors there.
""",
    "world_to_pixel": """World to pixel coordinates: undoes ``pixel_to_world``, arguments and errors likewise.

Distortions are inverted by Newton's method to below 1e-9 pixel, SIP from AP and BP where the header has them, lookup
tables together with SIP and detector to image after them. Where that
does not converge, or the distortion folds the image over itself, the result is NaN. Derivatives, as of
``pixel_to_world``: by the implicit function theorem at the pixel that was found, never through the iteration.
""",
    "pixel_to_world_status": f"""``pixel_to_world`` and a status of each point.

{_STATUS}
""",
    "world_to_pixel_status": f"""``world_to_pixel`` and a status of each point.

{_STATUS}
""",
    "wcs_jacobian": """Derivatives of ``pixel_to_world``: ``[..., N, N]``, row i and column j d world_i / d pixel_j.

Arguments as of ``pixel_to_world``; exact derivatives of every step, in degrees (or SI units) a pixel. Longitude is not
scaled by cos(latitude); at a pole its derivatives are 0. NaN where a point has no solution. Differentiable once.
""",
}


def _packed(*batch: int | torch.SymInt) -> torch.Tensor:
    return torch.empty(*batch, unknown_size(), dtype=torch.float64, device="cpu")


@torch.library.register_fake("fits::wcs_from_header")
def _(header: str, alt: str = "") -> torch.Tensor:
    return _packed()


@torch.library.register_fake("fits::wcs_from_headers")
def _(headers: list[str], alt: str = "") -> torch.Tensor:
    return _packed(len(headers))


@torch.library.register_fake("fits::wcs_from_file")
def _(path: str, hdu: int = 0, alt: str = "") -> torch.Tensor:
    return _packed()


@torch.library.register_fake("fits::wcs_from_file.bytes")
def _(data: torch.Tensor, hdu: int = 0, alt: str = "") -> torch.Tensor:
    return _packed()


@torch.library.register_fake("fits::wcs_from_files")
def _(paths: list[str], hdu: int = 0, alt: str = "") -> torch.Tensor:
    return _packed(len(paths))


@torch.library.register_fake("fits::wcs_from_files.packed")
def _(data: torch.Tensor, offsets: torch.Tensor, hdu: int = 0, alt: str = "") -> torch.Tensor:
    return _packed(batch_size(offsets))


def _coordinates(coordinates: torch.Tensor) -> torch.Tensor:
    return coordinates.new_empty(coordinates.shape, dtype=torch.float64)


def _status(coordinates: torch.Tensor) -> torch.Tensor:
    return coordinates.new_empty(coordinates.shape[:-1], dtype=torch.int32)


@torch.library.register_fake("fits::pixel_to_world")
def _(pixel: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
    return _coordinates(pixel)


@torch.library.register_fake("fits::world_to_pixel")
def _(world: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
    return _coordinates(world)


@torch.library.register_fake("fits::pixel_to_world_status")
def _(pixel: torch.Tensor, wcs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return _coordinates(pixel), _status(pixel)


@torch.library.register_fake("fits::world_to_pixel_status")
def _(world: torch.Tensor, wcs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return _coordinates(world), _status(world)


@torch.library.register_fake("fits::wcs_jacobian")
def _(pixel: torch.Tensor, wcs: torch.Tensor) -> torch.Tensor:
    return pixel.new_empty([*pixel.shape, pixel.shape[-1]], dtype=torch.float64)
