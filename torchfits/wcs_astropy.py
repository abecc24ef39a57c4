"""astropy's objects for a WCS: what its high-level interface (APE 14) and its plots need to know. Imports astropy."""

from __future__ import annotations

from typing import Any

from torchfits import wcs_layout as layout
from torchfits.wcs_interface import LowLevelWCS, tell_astropy
from torchfits.wcs_layout import Celestial, Frame, Head

Component = tuple[str, Any, Any]


def _described(wcs: LowLevelWCS) -> tuple[list[Component], dict[str, tuple[Any, ...]]]:
    """Components and classes, as APE 14 has them."""
    from astropy import units

    units_of = [units.Unit(unit) for unit in wcs.world_axis_units]
    types = wcs.world_axis_physical_types
    found: dict[int, Component] = {}
    classes: dict[str, tuple[Any, ...]] = {}
    frame = celestial_frame(wcs)
    if frame is not None:
        from astropy.coordinates import SkyCoord

        lng, lat = wcs.lng, wcs.lat
        classes["celestial"] = (SkyCoord, (), {"frame": frame, "unit": (units_of[lng], units_of[lat])})
        found[lng] = ("celestial", 0, lambda sky: sky.spherical.lon.to_value(units_of[lng]))
        found[lat] = ("celestial", 1, lambda sky: sky.spherical.lat.to_value(units_of[lat]))
    for axis, (name, kind) in enumerate(zip(wcs.axis_type_names, types)):
        if axis in found:
            continue
        if kind == "phys.polarization.stokes":
            from astropy.coordinates import StokesCoord

            classes["stokes"] = (StokesCoord, (), {})
            found[axis] = ("stokes", 0, "value")
        elif axis == wcs.spec and name not in ("ZOPT", "BETA"):
            from astropy.coordinates import SpectralCoord

            classes["spectral"] = (SpectralCoord, (), {"unit": units_of[axis]})
            found[axis] = ("spectral", 0, _value_in(units_of[axis]))
        else:
            key = name.lower() or "world"
            while key in classes:
                key += "_"
            classes[key] = (units.Quantity, (), {"unit": units_of[axis]})
            found[axis] = (key, 0, _value_in(units_of[axis]))
    return [found[axis] for axis in range(wcs.naxis)], classes


def _value_in(unit: Any) -> Any:
    return lambda quantity: quantity.to_value(unit)


def components(wcs: LowLevelWCS) -> list[Component]:
    return _described(wcs)[0]


def classes(wcs: LowLevelWCS) -> dict[str, tuple[Any, ...]]:
    return _described(wcs)[1]


def celestial_frame(wcs: LowLevelWCS) -> Any:
    """The frame of the celestial axes, with its equinox; None where astropy has none for them."""
    if not wcs.has_celestial:
        return None
    from astropy import coordinates
    from astropy.time import Time

    block = layout.head(wcs.packed, Head.CELESTIAL)
    slots = wcs._one("the celestial frame").detach()[block : block + Celestial.SIZE].tolist()
    equinox = slots[Celestial.EQUINOX]
    match Frame(int(slots[Celestial.FRAME])):
        case Frame.ICRS:
            return coordinates.ICRS()
        case Frame.FK5:
            return coordinates.FK5(equinox=Time(equinox, format="jyear")) if equinox else coordinates.FK5()
        case Frame.FK4:
            return coordinates.FK4(equinox=Time(equinox, format="byear")) if equinox else coordinates.FK4()
        case Frame.FK4_NO_E:
            equinoxes = {"equinox": Time(equinox, format="byear")} if equinox else {}
            return coordinates.FK4NoETerms(**equinoxes)
        case Frame.GALACTIC:
            return coordinates.Galactic()
        case _:
            return None


def high_level(wcs: LowLevelWCS) -> Any:
    from astropy.wcs.wcsapi import HighLevelWCSWrapper

    tell_astropy()
    return HighLevelWCSWrapper(wcs)


def axes(wcs: LowLevelWCS) -> tuple[Any, dict[str, Any]]:
    from astropy.visualization.wcsaxes import WCSAxes

    tell_astropy()
    return WCSAxes, {"wcs": wcs}
