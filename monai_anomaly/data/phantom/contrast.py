# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from monai.utils import ensure_tuple

from ...utils import DataError

__all__ = [
    "CONTRASTS",
    "GRAY",
    "SITES",
    "TISSUES",
    "WHITE",
    "Relaxation",
    "Site",
    "change_site",
    "jitter_site",
    "signal_weights",
]

CONTRASTS = ("t1", "t1ce", "t2", "flair")


class Relaxation(NamedTuple):
    """Magnetic properties of a tissue at 3 T.

    Attributes:
        t1: longitudinal relaxation time in ms; at another field it goes with ``(field / 3) ** dispersion``
            (Bottomley et al. 1984; fluids hardly change).
        t2: transverse relaxation time in ms.
        density: proton density, water is 1.
        gadolinium: what contrast agent adds to ``1 / t1``, in 1/s.
        inflow: share of spins that flowed in after the inversion pulse, so that FLAIR does not suppress them.
        dispersion: exponent of the field dependence of ``t1``.
    """

    t1: float
    t2: float
    density: float
    gadolinium: float = 0.0
    inflow: float = 0.0
    dispersion: float = 0.35


TISSUES: dict[str, Relaxation] = {
    "csf": Relaxation(4300, 1900, 1.00, dispersion=0.03),
    "gray": Relaxation(1400, 88, 0.83, 0.10),
    "white": Relaxation(870, 70, 0.71, 0.05),
    "bright gray": Relaxation(1480, 104, 0.86, 0.10),  # limbic and insular cortex
    "gliosis": Relaxation(1250, 110, 0.79, 0.05),  # caps and halo of the ventricles, small foci of age
    "vessel": Relaxation(1600, 60, 0.55, 3.0, inflow=0.1),  # flow void on T2
    "plexus": Relaxation(1700, 170, 0.90, 1.8, inflow=0.05),
    "pulsating csf": Relaxation(4000, 1500, 0.97, inflow=0.30, dispersion=0.03),
}
GRAY, WHITE = list(TISSUES).index("gray"), list(TISSUES).index("white")


@dataclass(frozen=True)
class Site:
    """A scanner and its protocol.

    Attributes:
        field: field strength in tesla.
        t1: sequence of the T1-weighted images (``mprage``, ``se`` or ``spgr``) and its TR, TI, TE in ms.
        t2: TR, TE in ms of the T2-weighted fast spin echo.
        flair: TR, TI, TE in ms of the inversion recovery.
        noise: standard deviation of the noise of one channel; 1 is the signal of white matter in T1.
        bias: largest absolute logarithm of the coil's sensitivity.
        blur: standard deviation of the slice profile in mm.
        gain: receiver gain in units of the stored image.
        gamma: exponent of the vendor's contrast curve.
    """

    field: float
    t1: tuple[str, float, float, float]
    t2: tuple[float, float]
    flair: tuple[float, float, float]
    noise: float
    bias: float
    blur: float
    gain: float
    gamma: float


SITES: dict[str, Site] = {
    "A": Site(3.0, ("mprage", 2300, 900, 3), (5500, 95), (9000, 2500, 110), 0.020, 0.18, 0.0, 620, 1.00),
    "B": Site(1.5, ("se", 550, 0, 12), (3800, 100), (9000, 2400, 120), 0.030, 0.10, 1.5, 1450, 1.00),
    "C": Site(3.0, ("spgr", 9, 0, 3), (4200, 85), (8000, 2350, 125), 0.018, 0.28, 0.5, 4800, 0.92),
    "D": Site(1.5, ("mprage", 1900, 1100, 4), (6500, 120), (10000, 2550, 125), 0.035, 0.20, 0.8, 255, 1.12),
    "E": Site(3.0, ("mprage", 2200, 1000, 3), (5000, 105), (9000, 2500, 115), 0.025, 0.24, 0.3, 1000, 0.96),
    "F": Site(3.0, ("mprage", 2000, 1300, 4), (3500, 110), (8500, 2350, 110), 0.028, 0.15, 1.0, 130, 1.05),
}

_FLIP = np.deg2rad(14)  # of the spoiled gradient echo


def change_site(name: str, changes: Mapping[str, Any]) -> Site:
    """A scanner of ``SITES`` with some other attributes.

    Args:
        name: key of ``SITES``.
        changes: attribute of `Site` -> value.

    Raises:
        DataError: when there is no such scanner or attribute, or a value is of another kind.
    """
    known = vars(SITES[name]) if name in SITES else {}
    if not known or not isinstance(changes, Mapping) or not set(changes) <= set(known):
        raise DataError(
            f"phantom scanners: expected changes of {', '.join(Site.__annotations__)} of the sites {', '.join(SITES)},"
            f" found {changes!r} of {name!r}"
        )
    for key, value in changes.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
        if not number if isinstance(known[key], float | int) else len(ensure_tuple(value)) != len(known[key]):
            raise DataError(f"phantom scanners: expected {key} of {name} like {known[key]!r}, found {value!r}")
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in changes.items()}
    return replace(SITES[name], **values)


def jitter_site(site: Site, rng: np.random.Generator, times: float = 0.05) -> Site:
    """The protocol as it was run on one day: TR, TI and TE off by a factor of standard deviation ``times``."""

    def scale(values: tuple) -> tuple:
        return tuple(v * float(np.exp(rng.normal(0, times))) if not isinstance(v, str) else v for v in values)

    return Site(**{**site.__dict__, "t1": scale(site.t1), "t2": scale(site.t2), "flair": scale(site.flair)})


def signal_weights(site: Site, tissues: list[Relaxation], reference: list[Relaxation]) -> np.ndarray:
    """Signal of each tissue in each contrast, before coil and receiver.

    Textbook equations (Bernstein, King, Zhou 2004): saturation recovery ``1 - exp(-TR/T1)``, inversion recovery
    ``|1 - 2 exp(-TI/T1) + exp(-TR/T1)|``, Ernst's equation, each times ``density exp(-TE/T2)``.

    Args:
        site: the protocol.
        tissues: n tissues.
        reference: the subject's ``TISSUES``; the unit is its white matter in t1 (also for t1ce), its gray matter in
            t2 and flair.

    Returns:
        (4, n), float32, in the order of ``CONTRASTS``.
    """
    signal = _raw_signal(site, tissues)
    t1, _, t2, flair = _raw_signal(site, reference)
    unit = np.array([t1[WHITE], t1[WHITE], t2[GRAY], flair[GRAY]])
    return (signal / unit[:, None]).astype(np.float32)


def _raw_signal(site: Site, tissues: list[Relaxation]) -> np.ndarray:
    t1, t2, density, gadolinium, inflow, dispersion = np.array(tissues, float).T
    t1 = t1 * (site.field / 3) ** dispersion
    with_agent = 1 / (1 / t1 + gadolinium / 1000)
    kind, tr, ti, te = site.t1
    t1_decay = density * np.exp(-te / t2)
    tr2, te2 = site.t2
    spin_echo = density * (1 - np.exp(-tr2 / t1)) * np.exp(-te2 / t2)
    trf, tif, tef = site.flair
    inverted = np.abs(1 - 2 * np.exp(-tif / t1) + np.exp(-trf / t1))
    recovered = (1 - inflow) * inverted + inflow * (1 - np.exp(-trf / t1))
    return np.stack([
        t1_decay * _longitudinal(kind, tr, ti, t1),
        t1_decay * _longitudinal(kind, tr, ti, with_agent),
        spin_echo,
        density * recovered * np.exp(-tef / t2),
    ])  # fmt: skip


def _longitudinal(kind: str, tr: float, ti: float, t1: np.ndarray) -> np.ndarray:
    e = np.exp(-tr / t1)
    if kind == "se":
        return 1 - e
    if kind == "spgr":
        return np.sin(_FLIP) * (1 - e) / (1 - np.cos(_FLIP) * e)
    if kind == "mprage":
        return np.abs(1 - 2 * np.exp(-ti / t1) / (1 + e))
    raise ValueError(f"T1 sequence: expected mprage, se or spgr, found {kind!r}")
