"""`WCS`: world coordinates of an image, as tensors and by astropy's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from torchfits import wcs_layout as layout
from torchfits.column_axes import image_keywords
from torchfits.fits import FITS
from torchfits.free_slots import wcs_slots
from torchfits.header import Header
from torchfits.section import SectionLike, as_slices, expanded
from torchfits.source import HDUKey, Operator, Source, SourceLike
from torchfits.wcs_interface import LowLevelWCS, tell_astropy

if TYPE_CHECKING:
    from typing_extensions import Self

WCS_FROM_FILE = Operator.named("wcs_from_file")


class WCS(LowLevelWCS):
    """The world coordinate system of a header, or a batch of them.

    Points are tensors ``[..., N]`` in the header's axis order (x first), pixels counted from 0; a batch takes
    ``[B, ..., N]``, each item through its own WCS, of any projections. World coordinates are float64, in degrees
    or SI units. A point that has no solution is NaN, that point alone. Gradients flow through.

    >>> wcs = WCS.from_file("m13.fits")
    >>> wcs.pixel_to_world([149.0, 149.0])
    tensor([250.4226,  36.4602], dtype=torch.float64)
    >>> x, y = wcs.all_world2pix(250.4226, 36.4602, 0)      # astropy's names and manners
    >>> cutout = wcs[100:200, ::2]                          # of image[100:200, ::2]

    What it holds is one tensor, ``wcs.packed``, which the operators of ``torch.ops.fits`` take.
    """

    __slots__ = ()

    def __init__(
        self,
        header: Header | Mapping[str, Any] | str | bytes,
        *,
        alt: str = "",
        keysel: Sequence[str] | None = None,
        colsel: Sequence[int] | None = None,
    ) -> None:
        """Of a `Header`, astropy's, a mapping of keywords to values, or a header's text; `alt` is "" or a letter.

        A header alone lacks the tables of -TAB axes and lookup distortions, which lie in other HDUs: `from_file`.
        Of a binary table's header: `keysel` is a list of ``"pixel"`` (pixel lists, one axis a column: TCTYPn ...),
        ``"binary"`` (arrays in the cells of a column: iCTYPn ...) and ``"image"``, as astropy has it, and `colsel` the
        numbers of the columns meant. Axes of a pixel list are in the order of their columns.
        """
        text, cards = _text_of(header)
        if keysel is None and colsel is not None:
            raise ValueError("colsel chooses among columns; say of which kind with keysel, as in keysel=['pixel']")
        columns = None if keysel is None else image_keywords(cards, alt, keysel, colsel)
        if columns is not None:
            text, cards, alt = columns.tostring(sep="\n", padding=False), columns, ""
        self._packed = torch.ops.fits.wcs_from_header(text, alt)
        self._pixel_shape = _pixel_shape(cards, self.naxis)
        tell_astropy()

    # --- Sources -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_file(
        cls, source: SourceLike, hdu: HDUKey | None = None, alt: str = "", *, section: SectionLike | None = None
    ) -> Self:
        """Of an HDU of a file, its tables included; arguments as of `torchfits.read`.

        Of a section (``"f.fits[SCI][1:100,1:50]"`` or ``section=``) it is the section's WCS.
        """
        parsed = Source.of(source)
        for ours, given, name in ((parsed.hdu, hdu, "HDU"), (parsed.section, section, "section")):
            if ours is not None and given is not None:
                raise ValueError(f"{parsed.name}: the {name} is given twice, in brackets and as an argument")
        hdu = parsed.hdu if hdu is None else hdu
        section = parsed.section if section is None else section
        file = FITS._of(parsed)
        unit = file.first_with_data() if hdu is None else file[hdu]
        wcs = cls._of_hdu(unit._file.source, unit.index, unit.header, alt)
        return wcs if section is None else wcs._section(section)

    @classmethod
    def _of_hdu(cls, source: Source, index: int, header: Header, alt: str = "") -> Self:
        self = cls._of(source(WCS_FROM_FILE, index, alt))
        self._pixel_shape = _pixel_shape(header, self.naxis)
        return self

    @classmethod
    def from_packed(cls, packed: Tensor, pixel_shape: Sequence[int] | None = None) -> Self:
        """Of a packed vector ``[P]``, or ``[B, P]`` of many, as operators give and take it."""
        self = cls._of(layout.checked(packed))
        self.pixel_shape = pixel_shape
        return self

    @classmethod
    def from_headers(cls, headers: Iterable[Header | Mapping[str, Any] | str | bytes], alt: str = "") -> Self:
        """A batch of the WCS of many headers, made in parallel."""
        found = [_text_of(header) for header in headers]
        self = cls._of(torch.ops.fits.wcs_from_headers([text for text, _ in found], alt))
        shapes = {_pixel_shape(cards, int(one[layout.Head.NAXIS])) for (_, cards), one in zip(found, self._packed)}
        self._pixel_shape = shapes.pop() if len(shapes) == 1 else None
        return self

    @classmethod
    def stack(cls, many: Iterable[WCS]) -> Self:
        """A batch of single WCS; of their `pixel_shape` it keeps one that all have."""
        each = list(many)
        shapes = {wcs.pixel_shape for wcs in each}
        packed = layout.padded([wcs._one("an item of WCS.stack") for wcs in each])
        return cls._of(packed, shapes.pop() if len(shapes) == 1 else None)

    # --- Points [..., N] ---------------------------------------------------------------------------------------------

    def pixel_to_world(self, pixel: Any) -> Tensor:
        """World coordinates ``[..., N]`` of pixels ``[..., N]`` counted from 0."""
        found: Tensor = torch.ops.fits.pixel_to_world(self._points(pixel), self._packed)
        return found

    def world_to_pixel(self, world: Any) -> Tensor:
        """The pixels, counted from 0, of world coordinates ``[..., N]``."""
        found: Tensor = torch.ops.fits.world_to_pixel(self._points(world), self._packed)
        return found

    def pixel_to_world_status(self, pixel: Any) -> tuple[Tensor, Tensor]:
        """`pixel_to_world`, and a status, int32 ``[...]``: 0 where all is well, else bits as of the operator."""
        found: tuple[Tensor, Tensor] = torch.ops.fits.pixel_to_world_status(self._points(pixel), self._packed)
        return found

    def world_to_pixel_status(self, world: Any) -> tuple[Tensor, Tensor]:
        """`world_to_pixel`, and a status, int32 ``[...]``: 0 where all is well, else bits as of the operator."""
        found: tuple[Tensor, Tensor] = torch.ops.fits.world_to_pixel_status(self._points(world), self._packed)
        return found

    def jacobian(self, pixel: Any) -> Tensor:
        """Derivatives of world coordinates, rows, by pixel coordinates, columns: ``[..., N, N]``."""
        found: Tensor = torch.ops.fits.wcs_jacobian(self._points(pixel), self._packed)
        return found

    def pixel_to_pixel(self, pixel: Any, other: WCS) -> Tensor:
        """The pixels of another WCS that have the same world coordinates; the celestial frames must be the same."""
        found: Tensor = torch.ops.fits.pixel_to_pixel(self._points(pixel), self._packed, other._packed)
        return found

    def _points(self, points: Any) -> Tensor:
        return points if isinstance(points, Tensor) else self._tensor(points)

    # --- Outlines ----------------------------------------------------------------------------------------------------

    def calc_footprint(self, axes: Sequence[int] | None = None, center: bool = True, undistort: bool = True) -> Tensor:
        """World coordinates of the four corners, ``[4, 2]`` (``[B, 4, 2]``), clockwise as the pixels lie, as astropy's.

        `axes` is (NAXIS1, NAXIS2) where the WCS does not know; with `center` the centres of the corner pixels, else
        their outer corners; without `undistort` as wcslib's part alone has it.
        """
        width, height = self._plane(axes)
        first, last = (0.0, -1.0) if center else (-0.5, -0.5)
        corners = [[first, first], [first, height + last], [width + last, height + last], [width + last, first]]
        pixels = torch.tensor(corners, dtype=torch.float64, device=self.device)
        wcs = self if undistort else self.without_distortions()
        return wcs.pixel_to_world(pixels.expand(len(self), 4, 2) if self.is_batch else pixels)

    def footprint(self, shape: Sequence[int] | None = None, per_side: int = 1) -> Tensor:
        """The image's outline on the sky, `per_side` points a side: ``[4 * per_side, 2]`` (``[B, ...]``).

        Through the centres of its outermost pixels, in the order of `calc_footprint`. `shape` is the image's as a
        tensor, ``[H, W]``, where the WCS does not know.
        """
        shape = self.array_shape if shape is None else shape
        if shape is None:
            raise ValueError("the image's size is not known: give its shape, or set wcs.pixel_shape (NAXIS1 first)")
        outline: Tensor = torch.ops.fits.wcs_footprint(self._packed, list(shape[-2:]), per_side)
        return outline

    def footprint_contains(self, world: Any) -> Any:
        """Whether points lie on the image, up to the outer edges of its pixels: bool ``[...]`` of world ``[..., N]``.

        Takes astropy's SkyCoord as well, and then gives NumPy's.
        """
        if hasattr(world, "transform_to"):
            pixels = np.stack(self.high_level_wcs.world_to_pixel(world), -1)
            found: np.ndarray = self._inside(torch.from_numpy(pixels)).numpy()[()]
            return found
        return self._inside(self.world_to_pixel(world))

    def _inside(self, pixels: Tensor) -> Tensor:
        if self._pixel_shape is None:
            raise ValueError("the image's size is not known: set wcs.pixel_shape (NAXIS1 first)")
        size = torch.tensor(self._pixel_shape, dtype=torch.float64, device=pixels.device)
        return ((pixels >= -0.5) & (pixels < size - 0.5)).all(-1)

    def _plane(self, axes: Sequence[int] | None = None) -> tuple[int, int]:
        axes = self._pixel_shape if axes is None else axes
        if axes is None:
            raise ValueError("the image's size is not known: give it, or set wcs.pixel_shape (NAXIS1 first)")
        if len(axes) != 2 or self.naxis != 2:
            raise ValueError(f"an outline is of two axes, this WCS has {self.naxis}: use wcs.celestial")
        return int(axes[0]), int(axes[1])

    # --- Parts -------------------------------------------------------------------------------------------------------

    def without_distortions(self) -> Self:
        """Without what astropy adds around wcslib: SIP and lookup tables. (TPV, TNX ... are wcslib's own and stay.)"""
        return self._of(layout.without_distortions(self._packed), self._pixel_shape)

    @property
    def celestial(self) -> Self:
        """The WCS of the two celestial axes alone, in their order."""
        packed = layout.celestial(self._one("celestial"))
        shape = self._pixel_shape
        return self._of(packed, None if shape is None else [shape[axis] for axis in sorted((self.lng, self.lat))])

    def __getitem__(self, item: Any) -> Self:
        """Of a batch: one, or some. Of one WCS: that of ``image[item]``, slices in tensor order (NAXIS1 last).

        With steps it is that of the pixels taken (astropy's is that of as many pixels added up).
        """
        if not self.is_batch:
            return self._section(item)
        chosen = self._packed[item]
        if chosen.shape[-1] != self._packed.shape[-1] or chosen.dim() not in (1, 2):
            raise TypeError(
                "a batch of WCS is indexed by a number, a slice or a tensor; crop its items, wcs[0][1:10, ::2]"
            )
        return self._of(layout.trimmed(chosen) if chosen.dim() == 1 else chosen, self._pixel_shape)

    def __iter__(self) -> Iterator[Self]:
        for i in range(len(self)):
            yield self[i]

    def crop(self, corners: Any, step: Sequence[int] | None = None) -> Self:
        """The WCS of cutouts whose first pixels are `corners`, int ``[N]`` or many ``[B, N]``, in tensor order.

        `step` takes every so many-th pixel of each axis, backwards where it is negative.
        """
        corners = torch.as_tensor(corners, dtype=torch.int64, device=self.device)
        return self._of(torch.ops.fits.wcs_crop(self._packed, corners, None if step is None else list(step)))

    def _section(self, section: SectionLike) -> Self:
        """The WCS of a section of the image."""
        slices = _slices(section, self.array_shape, self.naxis)
        steps = [1 if part.step is None else int(part.step) for part in slices]
        if self.array_shape is None:
            starts, shape = [part.start or 0 for part in slices], None
        else:
            ranges = [range(size)[part] for part, size in zip(slices, self.array_shape)]
            starts, shape = [part.start for part in ranges], [len(part) for part in ranges[::-1]]
        found = self.crop(starts, None if set(steps) == {1} else steps)
        found.pixel_shape = shape
        return found

    # --- Parameters --------------------------------------------------------------------------------------------------

    def parameters(self) -> dict[str, Tensor]:
        """What a fit may vary, by name: ``crpix``, ``crval``, ``matrix`` (CDi_j, row by row), and where there are such
        ``lonpole``, ``pv``, ``sip_a``, ``sip_b``, ``polynomial``, ``sequent``; as `torchfits.wcs_slots` has them."""
        slots = wcs_slots(self._packed.detach())
        return {name: self._packed[..., place.to(self.device)] for name, place in slots.items()}

    def replace(self, **parameters: Any) -> Self:
        """The WCS with other values of some `parameters`; gradients flow from coordinates to them.

        >>> wcs = WCS.from_file("m13.fits")
        >>> crval = wcs.crval.requires_grad_()
        >>> wcs.replace(crval=crval).pixel_to_world([149.5, 149.5]).sum().backward()
        >>> crval.grad
        tensor([1., 1.], dtype=torch.float64)
        """
        slots, packed = wcs_slots(self._packed.detach()), self._packed
        for name, value in parameters.items():
            if name not in slots:
                raise ValueError(f"this WCS has no parameter {name!r}; it has {', '.join(slots)}")
            place = slots[name].to(self.device)
            values = torch.as_tensor(value, dtype=torch.float64, device=self.device)
            packed = packed.index_copy(-1, place, values.reshape(*packed.shape[:-1], len(place)))
        return self._of(torch.ops.fits.wcs_update(packed), self._pixel_shape)

    def to_header(self) -> Header:
        """The keywords that describe this WCS, angles in degrees and other values in SI units."""
        return Header.fromstring(torch.ops.fits.wcs_to_header(self._one("to_header")))


def _text_of(header: Any) -> tuple[str, Any]:
    """A header's text for wcslib, and its cards by keyword."""
    if isinstance(header, (str, bytes)):
        cards = Header.fromstring(header)
        text = header if isinstance(header, str) else header.decode("latin-1")
        if "=" not in text:
            raise ValueError(f"{text[:80]!r} is not a header's text; to read a file use WCS.from_file")
        return text, cards
    if isinstance(header, Mapping) and not hasattr(header, "tostring"):
        header = Header(header)
    if not hasattr(header, "tostring"):
        raise TypeError(
            f"a WCS is made of a header, its text or a mapping, not of {type(header).__name__}; there are also "
            "WCS.from_file for files and WCS.from_packed for tensors"
        )
    return header.tostring(sep="\n", padding=False), header


def _pixel_shape(cards: Any, naxis: int) -> tuple[int, ...] | None:
    """NAXISn of an image for each axis of its WCS; axes that the image lacks have one pixel (WCS Paper I, 2.2)."""
    prefix = "Z" if cards.get("ZIMAGE") is True else ""  # of a compressed image's table the image's own
    count = cards.get(f"{prefix}NAXIS", 0)
    if not prefix and str(cards.get("XTENSION", "")).strip() in ("BINTABLE", "TABLE"):
        return None
    if not isinstance(count, int) or not 0 < count <= naxis:
        return None
    shape = [cards.get(f"{prefix}NAXIS{n}") for n in range(1, count + 1)]
    return (*shape, *[1] * (naxis - count)) if all(isinstance(length, int) for length in shape) else None


def _slices(section: SectionLike, shape: Sequence[int] | None, naxis: int) -> list[slice]:
    """A section as slices, one for each axis."""
    if isinstance(section, str) and shape is None:
        raise ValueError(
            f"the section {section} can be taken only where the image's size is known: set wcs.pixel_shape"
        )
    parts = as_slices(section, shape or ()) if isinstance(section, str) else expanded(section, naxis)
    slices = []
    for part in parts:
        if not isinstance(part, slice):
            raise NotImplementedError(
                f"{part!r} would take away an axis of the WCS, on which others may depend; keep it with "
                "a slice of one pixel, or take wcs.celestial"
            )
        from_the_end = (part.start or 0) < 0 or (part.start is None and (part.step is not None and part.step < 0))
        if from_the_end and shape is None:
            raise ValueError(f"{part} counts from the end, and the image's size is not known: set wcs.pixel_shape")
        slices.append(part)
    return slices
