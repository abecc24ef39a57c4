"""`PackedWCS`: what a packed vector says of its axes, frame and keywords. `WCS` is built on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torchfits import wcs_layout as layout
from torchfits.wcs_layout import Distortion, Head

if TYPE_CHECKING:
    from typing_extensions import Self


class PackedWCS:
    """A packed WCS ``[P]``, or a batch of them ``[B, P]``, and the shape of its image where that is known."""

    __slots__ = ("__weakref__", "_packed", "_pixel_shape")

    _packed: Tensor
    _pixel_shape: tuple[int, ...] | None

    @classmethod
    def _of(cls, packed: Tensor, pixel_shape: Sequence[int] | None = None) -> Self:
        self = cls.__new__(cls)
        self._packed = packed
        self._pixel_shape = None if pixel_shape is None else tuple(int(length) for length in pixel_shape)
        return self

    # --- A tensor ----------------------------------------------------------------------------------------------------

    @property
    def packed(self) -> Tensor:
        """What the operators take: float64 ``[P]``, of a batch ``[B, P]``."""
        return self._packed

    @property
    def device(self) -> torch.device:
        return self._packed.device

    def to(self, device: torch.device | str | int) -> Self:
        """The same on another device; always in float64."""
        return self._of(self._packed.to(device), self._pixel_shape)

    @property
    def is_batch(self) -> bool:
        """Whether these are many WCS, ``packed`` being ``[B, P]``."""
        return self._packed.dim() == 2

    def __len__(self) -> int:
        if not self.is_batch:
            raise TypeError("one WCS has no length (only a batch has); its number of axes is naxis")
        return len(self._packed)

    def __bool__(self) -> bool:
        return True

    def _one(self, what: str) -> Tensor:
        """The packed vector, where only one WCS makes sense."""
        if self.is_batch:
            raise TypeError(f"{what} is of one WCS, and this is a batch of {len(self)}: index it first, wcs[0]")
        return self._packed

    def __eq__(self, other: object) -> bool:
        """Whether all coordinates are transformed alike: the same slots, whatever the image's size."""
        if not isinstance(other, PackedWCS):
            return NotImplemented
        return torch.equal(self._packed, other._packed.to(self.device))

    __hash__ = None  # type: ignore[assignment]  # tensors that are equal have no equal hash

    def copy(self) -> Self:
        """A WCS with a vector of its own."""
        return self._of(self._packed.clone(), self._pixel_shape)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._of(self._packed.detach().clone().requires_grad_(self._packed.requires_grad), self._pixel_shape)

    def deepcopy(self) -> Self:
        return self.__deepcopy__({})

    # --- Axes --------------------------------------------------------------------------------------------------------

    @property
    def naxis(self) -> int:
        """The number of pixel axes, and of world axes."""
        return layout.head(self._packed, Head.NAXIS)

    @property
    def pixel_shape(self) -> tuple[int, ...] | None:
        """The image's size, NAXIS1 first; None where it is not known. Can be set; a batch has one for all."""
        return self._pixel_shape

    @pixel_shape.setter
    def pixel_shape(self, shape: Sequence[int] | None) -> None:
        if shape is not None and len(shape) != self.naxis:
            raise ValueError(f"a WCS of {self.naxis} axes cannot have an image of {len(shape)}: {tuple(shape)}")
        self._pixel_shape = None if shape is None else tuple(int(length) for length in shape)

    @property
    def array_shape(self) -> tuple[int, ...] | None:
        """The image's shape as a tensor, NAXIS1 last; None where it is not known. Can be set."""
        return None if self._pixel_shape is None else self._pixel_shape[::-1]

    @array_shape.setter
    def array_shape(self, shape: Sequence[int] | None) -> None:
        self.pixel_shape = None if shape is None else tuple(shape)[::-1]

    @property
    def ctype(self) -> list[str]:
        """CTYPEi: what each world axis is, and its projection."""
        names = layout.texts(self._one("ctype")[layout.linear(self._packed).ctype].detach())
        if self.distortion & Distortion.SIP:
            for axis in (self.lng, self.lat):
                names[axis] += "-SIP" if axis >= 0 and len(names[axis]) == 8 else ""
        return names

    @property
    def cunit(self) -> list[str]:
        """CUNITi: ``deg``, or what wcslib converts to (SI)."""
        return layout.texts(self._one("cunit")[layout.linear(self._packed).cunit].detach())

    @property
    def axis_type_names(self) -> list[str]:
        """What each world axis is: ``['RA', 'DEC', 'FREQ']``."""
        return [name.partition("-")[0] for name in self.ctype]

    # Parameters are copies: with one changed in place, its inverse or rotation in the vector would contradict it.

    @property
    def crval(self) -> Tensor:
        """CRVALi, ``[N]`` (``[B, N]``): the world coordinates of the reference pixel."""
        return self._packed[..., layout.linear(self._packed).crval].clone()

    @property
    def crpix(self) -> Tensor:
        """CRPIXj, ``[N]`` (``[B, N]``): the reference pixel, counted from 1 as in the header."""
        return self._packed[..., layout.linear(self._packed).crpix].clone()

    @property
    def pixel_scale_matrix(self) -> Tensor:
        """CDi_j, or PCi_j times CDELTi, ``[N, N]`` (``[B, N, N]``): world axes are rows, pixel axes columns."""
        slots = self._packed[..., layout.linear(self._packed).matrix].clone()
        matrix: Tensor = slots.unflatten(-1, (self.naxis, self.naxis))
        return matrix

    cd = pixel_scale_matrix

    @property
    def lng(self) -> int:
        """The world axis of celestial longitude, counted from 0; -1 where there is none."""
        return layout.head(self._packed, Head.LNG)

    @property
    def lat(self) -> int:
        """The world axis of celestial latitude, counted from 0; -1 where there is none."""
        return layout.head(self._packed, Head.LAT)

    @property
    def spec(self) -> int:
        """The spectral world axis, counted from 0; -1 where there is none."""
        return layout.head(self._packed, Head.SPEC)

    @property
    def has_celestial(self) -> bool:
        return self.lng >= 0 and self.lat >= 0

    @property
    def is_celestial(self) -> bool:
        """Whether there are two axes, both celestial."""
        return self.has_celestial and self.naxis == 2

    @property
    def has_spectral(self) -> bool:
        return self.spec >= 0

    @property
    def distortion(self) -> Distortion:
        """The kinds of distortion that are applied."""
        return Distortion(layout.head(self._packed, Head.DISTORTION))

    @property
    def has_distortion(self) -> bool:
        return bool(self.distortion)

    # --- Scales ------------------------------------------------------------------------------------------------------

    def proj_plane_pixel_scales(self) -> Tensor:
        """The length of each pixel axis at CRPIX in the plane of projection, ``[N]`` (``[B, N]``), in degrees or SI."""
        return self.pixel_scale_matrix.square().sum(-2).sqrt()

    def proj_plane_pixel_area(self) -> Tensor:
        """The area of the pixel at CRPIX in the plane of projection, in square degrees; of two axes only."""
        if self.naxis != 2:
            raise ValueError(f"the area of a pixel is of two axes, this WCS has {self.naxis}: use wcs.celestial")
        area: Tensor = torch.linalg.det(self.pixel_scale_matrix).abs()
        return area

    # --- In words ----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if self.is_batch:
            return f"<WCS, a batch of {len(self)}, {self._packed.shape[1]} slots each, {self.device}>"
        lines = ["WCS Keywords", "", f"Number of WCS axes: {self.naxis}"]
        lines += [f"{key} : {' '.join(map(repr, values))}" for key, values in self._keywords().items()]
        for i, row in enumerate(self.pixel_scale_matrix.tolist(), 1):
            names = " ".join(f"CD{i}_{j}" for j in range(1, len(row) + 1))
            lines.append(f"{names} : {' '.join(map(repr, row))}")
        lines.append(f"NAXIS : {'  '.join(map(str, self._pixel_shape or [0] * self.naxis))}")
        return "\n".join(lines)

    def _keywords(self) -> dict[str, list[Any]]:
        known: dict[str, list[Any]] = {"CTYPE": self.ctype, "CUNIT": self.cunit}
        known |= {"CRVAL": self.crval.tolist(), "CRPIX": self.crpix.tolist()}
        return known
