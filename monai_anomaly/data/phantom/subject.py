# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...utils import DataError
from .acquisition import acquire
from .anatomy import Anatomy
from .contrast import SITES, TISSUES, Relaxation, Site, jitter_site, signal_weights
from .individual import make_anatomy
from .lesion import Lesion
from .ms import make_ms
from .noise import warp
from .tumor import make_tumor

__all__ = ["LESIONS", "PhantomSubject", "check_severity", "make_subject"]

LESIONS = ("tumour", "ms")


@dataclass(frozen=True)
class PhantomSubject:
    """A person of the phantom, scanned once.

    Attributes:
        image: (4, X, Y, Z), float32, channels t1, t1ce, t2, flair, in units of the scanner.
        twin: the same person, coil and noise without the disease; equal to ``image`` where ``lesion`` is None.
        label: (X, Y, Z), uint8: 0 healthy, 1 necrosis or non-enhancing core, 2 edema, 4 enhancing, 5 MS lesion.
        tissue: (X, Y, Z), uint8: 0 background, 1 fluid, 2 gray matter, 3 white matter (of ``image``).
        mask: (X, Y, Z), uint8: the brain.
        affine: (4, 4), voxel to mm, RAS, MNI152 space.
        seed: the person and the disease.
        site: key of ``SITES``.
        lesion: ``"tumour"``, ``"ms"`` or None.
        bias: (4, X, Y, Z), float32: the coil's sensitivity in ``image``.
        to_template: (3, X, Y, Z), float32: from each voxel of the healthy person to where the template has it, in mm.
    """

    image: np.ndarray
    twin: np.ndarray
    label: np.ndarray
    tissue: np.ndarray
    mask: np.ndarray
    affine: np.ndarray
    seed: int
    site: str
    lesion: str | None
    bias: np.ndarray
    to_template: np.ndarray


def make_subject(
    seed: int,
    site: str = "A",
    lesion: str | None = None,
    spacing: float = 3.0,
    deformation: float = 1.0,
    size: float = 1.0,
    elsewhere: bool = False,
    severity: float = 1.0,
    scanner: Site | None = None,
) -> PhantomSubject:
    """Make a person, their disease and their scan; a pure function of its arguments.

    The anatomy depends on ``seed`` alone, so one person can be scanned at several sites. With another size or place of
    the tumor the person, the coil and the noise stay the same.

    Args:
        seed: 0 or more.
        site: the scanner, a key of ``SITES``.
        lesion: ``"tumour"``, ``"ms"`` or None for a healthy person.
        spacing: voxel size in mm, 0.5 to 6.
        deformation: how far the healthy person's size, pose and shape differ from the template's; 0: not at all.
        size: factor on the radii of a tumor or of MS lesions, 0.25 to 2.
        elsewhere: put the tumor at another place.
        severity: factor on the number of MS lesions, 0.1 to 4; the tissue, the coil and the noise stay the same.
        scanner: the scanner of this site, see `change_site`; None: that of ``SITES``.

    Raises:
        DataError: an argument is none of the above.
    """
    if seed < 0:
        raise DataError(f"phantom seed: expected 0 or more, found {seed}")
    if site not in SITES:
        raise DataError(f"phantom site: expected one of {', '.join(SITES)}, found {site!r}")
    if lesion is not None and lesion not in LESIONS:
        raise DataError(f"phantom lesion: expected None or one of {', '.join(LESIONS)}, found {lesion!r}")
    if not 0.25 <= size <= 2:
        raise DataError(f"phantom size: expected a factor from 0.25 to 2, found {size}")
    if size != 1 and lesion is None:
        raise DataError("phantom size: expected it of a lesion, found it of a healthy person")
    if elsewhere and lesion != "tumour":
        raise DataError(f"phantom elsewhere: expected it of a tumour, found the lesion {lesion}")
    check_severity(severity, lesion)
    anatomy = make_anatomy(seed, spacing, deformation)
    pathology = None
    if lesion == "tumour":
        pathology = make_tumor(anatomy, seed, size, elsewhere)
    elif lesion == "ms":
        pathology = make_ms(anatomy, seed, severity, size)

    stream = np.random.default_rng([seed, 53, ord(site)])
    person = _jitter(list(TISSUES.values()), stream)
    protocol = jitter_site(scanner or SITES[site], stream)
    healthy = np.tensordot(signal_weights(protocol, person, person), anatomy.fractions, axes=1)
    diseased, tissue = healthy, _tissue(anatomy.fractions)
    if pathology:
        diseased, tissue = _add(pathology, anatomy, healthy, protocol, person)

    def scan(clean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return acquire(clean, anatomy.brain, protocol, np.random.default_rng([seed, 71, ord(site)]), spacing)

    image, bias = scan(diseased)
    twin = scan(healthy)[0] if pathology else image
    label = pathology.label if pathology else np.zeros(anatomy.shape, np.uint8)
    mask = anatomy.brain.astype(np.uint8)
    return PhantomSubject(
        image, twin, label, tissue * mask, mask, anatomy.affine, seed, site, lesion, bias, anatomy.to_template
    )


def check_severity(severity: float, lesion: str | None) -> None:
    """Raise a ``DataError`` for a severity that is out of range, or of another lesion than MS."""
    if not 0.1 <= severity <= 4:
        raise DataError(f"phantom severity: expected a factor from 0.1 to 4, found {severity}")
    if severity != 1 and lesion != "ms":
        raise DataError(f"phantom severity: expected it of the lesion ms, found it of {lesion or 'healthy people'}")


def _jitter(tissues: list[Relaxation], rng: np.random.Generator, width: float = 0.05) -> list[Relaxation]:
    """Relaxation times of one person: they vary by some percent with age and water content."""
    return [t._replace(t1=t.t1 * np.exp(rng.normal(0, width)), t2=t.t2 * np.exp(rng.normal(0, width))) for t in tissues]


def _add(
    lesion: Lesion, anatomy: Anatomy, healthy: np.ndarray, protocol: Site, person: list[Relaxation]
) -> tuple[np.ndarray, np.ndarray]:
    """Push the healthy signal aside and mix the lesion in; signals are linear in the fractions, so 4 warps do."""
    fractions = anatomy.fractions
    if lesion.displacement is not None:
        healthy, fractions = warp(healthy, lesion.displacement), warp(fractions, lesion.displacement)
    pathological = np.tensordot(signal_weights(protocol, lesion.tissues, person), lesion.fractions, axes=1)
    return healthy * (1 - lesion.fractions.sum(0)) + pathological, _tissue(fractions)


def _tissue(fractions: np.ndarray) -> np.ndarray:
    fluid, gray, white = fractions[[0, 5, 6, 7]].sum(0), fractions[[1, 3]].sum(0), fractions[[2, 4]].sum(0)
    return (np.argmax(np.stack([fluid, gray, white]), axis=0) + 1).astype(np.uint8)
