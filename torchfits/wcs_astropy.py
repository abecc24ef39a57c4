"""astropy's objects for a WCS: what its high-level interface (APE 14) and its plots need to know. Imports astropy."""

from __future__ import annotations

from typing import Any, NamedTuple

from torchfits import wcs_layout as layout
from torchfits.wcs_interface import LowLevelWCS, tell_astropy
from torchfits.wcs_layout import Celestial, Frame, Head, Spectral, Time


class Described(NamedTuple):
    """For each world axis the class that stands for it, and how its value is had from an object; the classes."""

    components: list[tuple[str, Any, Any]]
    classes: dict[str, tuple[Any, ...]]


def described(wcs: LowLevelWCS) -> Described:
    from astropy import units

    components: dict[int, tuple[str, Any, Any]] = {}
    classes: dict[str, tuple[Any, ...]] = {}
    unit = [units.Unit(text) for text in wcs.world_axis_units]
    frame = celestial_frame(wcs)
    if frame is not None:
        from astropy.coordinates import SkyCoord

        lng, lat = wcs.lng, wcs.lat
        classes["celestial"] = (SkyCoord, (), {"frame": frame, "unit": (unit[lng], unit[lat])})
        components[lng] = ("celestial", 0, lambda sky: sky.spherical.lon.to_value(unit[lng]))
        components[lat] = ("celestial", 1, lambda sky: sky.spherical.lat.to_value(unit[lat]))
    for axis, (name, kind) in enumerate(zip(wcs.axis_type_names, wcs.world_axis_physical_types)):
        if axis in components:
            continue
        made: tuple[Any, ...]
        if axis == wcs.spec and (how := _spectral(wcs, name, unit[axis])) is not None:
            key, made = "spectral", (units.Quantity, (), {}, how[0])
            value: Any = how[1]
        elif kind == "time" and (how := _time(wcs, name, axis, unit[axis])) is not None:
            from astropy import time

            key, made = "time", (time.Time, (), {}, how[0])
            value = how[1]
        elif kind == "phys.polarization.stokes":
            from astropy.coordinates import StokesCoord

            key, made, value = "stokes", (StokesCoord, (), {}), "value"
        else:
            key, made, value = name.lower() or "world", (units.Quantity, (), {"unit": unit[axis]}), _in(unit[axis])
        while key in classes:
            key += "_"
        classes[key], components[axis] = made, (key, 0, value)
    return Described([components[axis] for axis in range(wcs.naxis)], classes)


def _in(unit: Any) -> Any:
    return lambda quantity: quantity.to_value(unit)


def celestial_frame(wcs: LowLevelWCS) -> Any:
    """The frame of the celestial axes, with its equinox; None where astropy has none for them."""
    if not wcs.has_celestial:
        return None
    from astropy import coordinates, time

    block = _block(wcs, Head.CELESTIAL, Celestial.SIZE)
    year = block[Celestial.EQUINOX]
    equinox = {
        Frame.FK5: {"equinox": time.Time(year, format="jyear")},
        Frame.FK4: {"equinox": time.Time(year, format="byear")},
        Frame.FK4_NO_E: {"equinox": time.Time(year, format="byear")},
    }
    frames = {
        Frame.ICRS: coordinates.ICRS,
        Frame.FK5: coordinates.FK5,
        Frame.FK4: coordinates.FK4,
        Frame.FK4_NO_E: coordinates.FK4NoETerms,
        Frame.GALACTIC: coordinates.Galactic,
    }
    frame = Frame(int(block[Celestial.FRAME]))
    return frames[frame](**(equinox.get(frame, {}) if year else {})) if frame in frames else None


def _block(wcs: LowLevelWCS, slot: Head, size: int) -> list[float]:
    """The first slots of a block; [] where there is none."""
    offset = layout.head(wcs.packed, slot)
    slots: list[float] = wcs.packed.detach()[offset : offset + size].tolist() if offset else []
    return slots


# How a Doppler velocity comes about (WCS Paper III, table 1).
_CONVENTIONS = {"VELO": "relativistic", "VRAD": "radio", "VOPT": "optical"}


def _spectral(wcs: LowLevelWCS, name: str, unit: Any) -> tuple[Any, Any] | None:
    """SpectralCoord of a world coordinate, and back, without observer; None where the rest wavelength is missing."""
    from astropy import constants, units
    from astropy.coordinates import SpectralCoord

    block = _block(wcs, Head.SPECTRAL, Spectral.SIZE)
    restfrq, restwav = (block[Spectral.RESTFRQ] or None, block[Spectral.RESTWAV] or None) if block else (None, None)
    frequency = None if restfrq is None else restfrq * units.Hz
    wavelength = None if restwav is None else restwav * units.m
    if frequency is not None and wavelength is None:
        wavelength = frequency.to(units.m, units.spectral())
    elif wavelength is not None and frequency is None:
        frequency = wavelength.to(units.Hz, units.spectral())
    options: dict[str, Any] = {"unit": unit}
    light = constants.c.si.value
    if name in ("ZOPT", "BETA"):
        if wavelength is None:
            return None
        if name == "ZOPT":
            rest = wavelength.value
            return (
                lambda z: z if isinstance(z, SpectralCoord) else SpectralCoord((z + 1) * rest, unit=units.m),
                lambda spectral: spectral.to_value(units.m) / rest - 1,
            )
        options = {"unit": units.m / units.s, "doppler_convention": "relativistic", "doppler_rest": wavelength}
        return (
            lambda beta: beta if isinstance(beta, SpectralCoord) else SpectralCoord(beta * light, **options),
            lambda spectral: spectral.to_value(units.m / units.s, units.doppler_relativistic(wavelength)) / light,
        )
    if name in _CONVENTIONS and frequency is not None:
        rest = wavelength if name == "VOPT" else frequency
        options |= {"doppler_convention": _CONVENTIONS[name], "doppler_rest": rest}
    return (
        lambda value: value if isinstance(value, SpectralCoord) else SpectralCoord(value, **options),
        lambda spectral: SpectralCoord(spectral).to_value(**options),
    )


def _time(wcs: LowLevelWCS, name: str, axis: int, unit: Any) -> tuple[Any, Any] | None:
    """Time of what has passed since MJDREF, and back, without a place on Earth; None where astropy has no such scale.

    astropy (8.0) takes all units for seconds.
    """
    from astropy import time, units
    from astropy.time.formats import FITS_DEPRECATED_SCALES

    block = _block(wcs, Head.TIME, Time.SIZE)
    if not block or int(block[Time.AXIS]) != axis or not unit.is_equivalent(units.s):
        return None
    offset = layout.head(wcs.packed, Head.TIME)
    timesys = layout.texts(wcs.packed.detach()[offset + Time.TIMESYS : offset + Time.TIMESYS + 2])[0]
    scale = (timesys or "UTC") if name == "TIME" else name.partition("(")[0]
    scale = FITS_DEPRECATED_SCALES.get(scale, scale.lower())
    if scale not in time.Time.SCALES and scale != "gps":
        return None
    zero = time.Time(block[Time.MJDREF], block[Time.MJDREF + 1], format="mjd", scale="tai" if scale == "gps" else scale)
    if scale == "gps":
        zero += 19 * units.s
    return (
        lambda value: value if isinstance(value, time.Time) else zero + time.TimeDelta(value * unit),
        lambda value: (value - zero).to_value(unit),
    )


def high_level(wcs: LowLevelWCS) -> Any:
    from astropy.wcs.wcsapi import HighLevelWCSWrapper

    tell_astropy()
    return HighLevelWCSWrapper(wcs)


def axes(wcs: LowLevelWCS) -> tuple[Any, dict[str, Any]]:
    from astropy.visualization.wcsaxes import WCSAxes

    tell_astropy()
    return WCSAxes, {"wcs": wcs}
