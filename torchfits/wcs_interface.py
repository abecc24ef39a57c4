"""`LowLevelWCS`: world coordinates by astropy's names, of arrays, one for each axis.

The names and meanings are those of astropy.wcs.WCS and of its shared interface (APE 14), which plots, cutouts and
coordinates of other packages are written for. Arguments may be tensors, which give tensors, or anything else that
NumPy takes, which gives NumPy arrays.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from torchfits.wcs_packed import PackedWCS

if TYPE_CHECKING:
    from typing_extensions import Self

Function = Callable[[Tensor], Tensor]

# Of CTYPE's first part, as astropy has them (UCD1+ of the IVOA, "custom:" where there is none).
PHYSICAL_TYPES = {
    "RA": "pos.eq.ra",
    "DEC": "pos.eq.dec",
    "GLON": "pos.galactic.lon",
    "GLAT": "pos.galactic.lat",
    "ELON": "pos.ecliptic.lon",
    "ELAT": "pos.ecliptic.lat",
    "TLON": "pos.bodyrc.lon",
    "TLAT": "pos.bodyrc.lat",
    "HPLT": "custom:pos.helioprojective.lat",
    "HPLN": "custom:pos.helioprojective.lon",
    "HGLN": "custom:pos.heliographic.stonyhurst.lon",
    "HGLT": "custom:pos.heliographic.stonyhurst.lat",
    "CRLN": "custom:pos.heliographic.carrington.lon",
    "CRLT": "custom:pos.heliographic.carrington.lat",
    "HPRZ": "custom:pos.helioprojective.z",
    "SOLX": "custom:pos.heliocentric.x",
    "SOLY": "custom:pos.heliocentric.y",
    "SOLZ": "custom:pos.heliocentric.z",
    "FREQ": "em.freq",
    "ENER": "em.energy",
    "WAVN": "em.wavenumber",
    "WAVE": "em.wl",
    "AWAV": "em.wl;obs.atmos",
    "VRAD": "spect.dopplerVeloc.radio",
    "VOPT": "spect.dopplerVeloc.opt",
    "VELO": "spect.dopplerVeloc",
    "ZOPT": "src.redshift",
    "BETA": "custom:spect.doplerVeloc.beta",
    "STOKES": "phys.polarization.stokes",
    "DIST": "pos.distance",
    "DSUN": "custom:pos.distance.sunToObserver",
}
_TIMES = ("TIME", "TAI", "TT", "TDT", "ET", "IAT", "UT1", "UTC", "GMT", "GPS", "TCG", "TCB", "TDB", "LOCAL")
PHYSICAL_TYPES.update(dict.fromkeys(_TIMES, "time"))


class LowLevelWCS(PackedWCS):
    """Transforms of one array for each axis, and what APE 14 asks to be told of the axes."""

    __slots__ = ()

    @classmethod
    def _of(cls, packed: Tensor, pixel_shape: Sequence[int] | None = None) -> Self:
        tell_astropy()
        return super()._of(packed, pixel_shape)

    # The transforms themselves, of points [..., N].

    @abstractmethod
    def pixel_to_world(self, pixel: Any) -> Tensor: ...

    @abstractmethod
    def world_to_pixel(self, world: Any) -> Tensor: ...

    @abstractmethod
    def without_distortions(self) -> Self: ...

    # --- APE 14: values ----------------------------------------------------------------------------------------------

    def pixel_to_world_values(self, *pixel_arrays: Any) -> Any:
        """World coordinates, one array for each axis, of pixel coordinates likewise, counted from 0."""
        return self._values(self.pixel_to_world, pixel_arrays)

    def world_to_pixel_values(self, *world_arrays: Any) -> Any:
        """Pixel coordinates, counted from 0, one array for each axis; NaN where there is no solution."""
        return self._values(self.world_to_pixel, world_arrays)

    def array_index_to_world_values(self, *index_arrays: Any) -> Any:
        """World coordinates of indices of the image's tensor, ``image[i, j]``: its last axis is the first of pixels."""
        return self.pixel_to_world_values(*index_arrays[::-1])

    def world_to_array_index_values(self, *world_arrays: Any) -> Any:
        """The pixels of the image's tensor that hold these world coordinates, as integers, the last pixel axis first.

        A point that has no solution has no index: ValueError.
        """
        single = self.naxis == 1
        found = self.world_to_pixel_values(*world_arrays)
        nearest = [_nearest(axis) for axis in ([found] if single else found[::-1])]
        return nearest[0] if single else tuple(nearest)

    # --- astropy.wcs.WCS ---------------------------------------------------------------------------------------------

    def all_pix2world(self, *args: Any) -> Any:
        """``all_pix2world(x, y, origin)`` or ``all_pix2world(points, origin)``: pixels, counted from origin, to world.

        Arrays are broadcast and a list of arrays comes back; points ``[..., N]`` give points.
        """
        return self._with_origin(self.pixel_to_world, args, before=-1)

    def all_world2pix(self, *args: Any) -> Any:
        """The inverse, ``all_world2pix(lng, lat, origin)`` or ``all_world2pix(points, origin)``.

        To below 1e-9 pixel always; a point for which the inverse does not converge is NaN, that point alone.
        """
        return self._with_origin(self.world_to_pixel, args, after=1)

    def wcs_pix2world(self, *args: Any) -> Any:
        """`all_pix2world` of wcslib's part alone: see `without_distortions`."""
        return self.without_distortions().all_pix2world(*args)

    def wcs_world2pix(self, *args: Any) -> Any:
        """`all_world2pix` of wcslib's part alone: see `without_distortions`."""
        return self.without_distortions().all_world2pix(*args)

    def _values(self, transform: Function, arrays: Sequence[Any]) -> Any:
        if len(arrays) != self.naxis:
            raise ValueError(f"this WCS has {self.naxis} axes: give one array for each, not {len(arrays)}")
        found = self._arrays(transform, arrays)
        return found[0] if self.naxis == 1 else tuple(found)

    def _arrays(self, transform: Function, arrays: Sequence[Any]) -> list[Any]:
        """One array for each axis, broadcast, through a transform of points."""
        like = any(isinstance(array, Tensor) for array in arrays)
        points = torch.stack(torch.broadcast_tensors(*(self._tensor(array) for array in arrays)), -1)
        return [axis if like else axis.cpu().numpy()[()] for axis in transform(points).unbind(-1)]

    def _tensor(self, array: Any) -> Tensor:
        if isinstance(array, Tensor):
            return array.to(torch.float64)
        return torch.as_tensor(np.array(array, dtype=np.float64), device=self.device)  # a copy: it may be read-only

    def _with_origin(self, transform: Function, args: Sequence[Any], before: int = 0, after: int = 0) -> Any:
        """Calls in astropy's manner; the origin is added to pixels with the sign `before` or `after` the transform."""
        naxis = self.naxis
        if len(args) not in (2, naxis + 1) or np.ndim(args[-1]) != 0 or args[-1] not in (0, 1):
            raise TypeError(
                f"this WCS has {naxis} axes: give {naxis} arrays and then the origin (the number of the first pixel, 0 "
                f"or 1), or points [..., {naxis}] and the origin; {len(args)} arguments came"
            )
        origin = int(args[-1])

        def shifted(points: Tensor) -> Tensor:
            return transform(points + before * origin) + after * origin

        if len(args) == naxis + 1 and (naxis > 1 or np.ndim(args[0]) < 2):
            return self._arrays(shifted, args[:-1])
        points = self._tensor(args[0])
        if points.dim() == 0 or points.shape[-1] != naxis:
            raise ValueError(f"points for {naxis} axes have the shape [..., {naxis}], not {list(points.shape)}")
        return shifted(points) if isinstance(args[0], Tensor) else shifted(points).cpu().numpy()

    # --- APE 14: the axes --------------------------------------------------------------------------------------------

    @property
    def pixel_n_dim(self) -> int:
        return self.naxis

    @property
    def world_n_dim(self) -> int:
        return self.naxis

    @property
    def pixel_bounds(self) -> None:
        """None: pixels outside the image have world coordinates as well."""
        return None

    @property
    def pixel_axis_names(self) -> list[str]:
        return [""] * self.naxis

    @property
    def world_axis_names(self) -> list[str]:
        """CNAMEi, which packed vectors do not hold: empty."""
        return [""] * self.naxis

    @property
    def world_axis_physical_types(self) -> list[str | None]:
        """What each world axis is, as an IVOA UCD such as ``pos.eq.ra``; None where none is known."""
        times = ("UT(", "TT(")
        return [
            "time" if name.upper().startswith(times) else PHYSICAL_TYPES.get(name.upper())
            for name in self.axis_type_names
        ]

    @property
    def world_axis_units(self) -> list[str]:
        """CUNITi; "" where it is longer than the packed vector's eight characters."""
        return ["" if unit.endswith("~") else unit for unit in self.cunit]

    @property
    def axis_correlation_matrix(self) -> np.ndarray:
        """Which world axes depend on which pixel axes, bool ``[world, pixel]``; with distortions all on all."""
        if self.has_distortion:
            return np.ones((self.naxis, self.naxis), dtype=bool)
        matrix = (self.pixel_scale_matrix.detach().cpu() != 0).numpy()
        if self.has_celestial:
            matrix[[self.lng, self.lat]] = matrix[self.lng] | matrix[self.lat]
        return matrix

    @property
    def serialized_classes(self) -> bool:
        return False

    @property
    def world_axis_object_components(self) -> list[tuple[str, Any, Any]]:
        """How astropy's objects give world coordinates. Needs astropy."""
        from torchfits.wcs_astropy import described

        return described(self).components

    @property
    def world_axis_object_classes(self) -> dict[str, tuple[Any, ...]]:
        """Which of astropy's classes stand for world coordinates: SkyCoord, SpectralCoord ... Needs astropy."""
        from torchfits.wcs_astropy import described

        return described(self).classes

    @property
    def high_level_wcs(self) -> Any:
        """astropy's interface in objects (APE 14): SkyCoord in and out. Needs astropy."""
        from torchfits.wcs_astropy import high_level

        return high_level(self)

    def _as_mpl_axes(self) -> tuple[Any, dict[str, Any]]:
        """For matplotlib's ``subplot(projection=wcs)``: axes of astropy's WCSAxes."""
        from torchfits.wcs_astropy import axes

        return axes(self)


def _nearest(axis: Any) -> Any:
    number = torch.as_tensor(axis)
    if number.isnan().any():
        raise ValueError(f"{int(number.isnan().sum())} of these world coordinates lie on no pixel (they are NaN)")
    nearest = (number + 0.5).floor().to(torch.int64)
    return nearest if isinstance(axis, Tensor) else nearest.numpy()[()]


def tell_astropy() -> None:
    """Lets astropy take a WCS for one of its low-level WCS, once it has been imported by anyone."""
    interface = sys.modules.get("astropy.wcs.wcsapi")
    if interface is not None:
        interface.BaseLowLevelWCS.register(LowLevelWCS)
