# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...utils import interior
from ..cases import Cases
from ..disease import diseased, healthy, lesion_pixels
from ..schema import Field, Schema
from ..scorers import score_diagnosis, score_false_positives, score_maps, score_reconstruction
from ..scorers.reconstruction import TWIN_SCORES
from ..tables import Section
from ..task import ALL, Columns, MethodCases, Part, Task
from .anomaly_figures import draw_comparison, draw_panel
from .anomaly_tables import SHOWN, anomaly_sections
from .baselines import MEAN_HEALTHY, Baseline, intensity_maps, mean_healthy_image

__all__ = ["AnomalyMaps"]

IMAGE, PLANE = ("C", "H", "W"), (1, "H", "W")
SCHEMA = Schema(
    "anomaly_maps",
    (
        Field("image", "image", IMAGE, required=True),
        Field("map", "float", PLANE, uniform=True, made=True),
        Field("reconstruction", "image", IMAGE, made=True),
        Field("mask", "mask", PLANE),
        Field("twin", "image", IMAGE),
        Field("label", "label"),
        Field("probability", "float", made=True),
        Field("site", "text"),
    ),
)


@dataclass(frozen=True)
class AnomalyMaps(Task):
    """Anomaly maps of images, with a healthy reconstruction and a classifier's probability as far as there are any.

    What is counted: Dice, AUROC and AP of pixels are means over the *diseased* cases (those with at least
    ``min_lesion_pixels`` lesion pixels) over all pixels, background included, as in thesis ch. 7; "pooled" scores rank
    all pixels of all test cases, healthy ones included. Where there are no masks, only the scores of whole images and
    the changes of healthy cases are there; where the method has no maps, of its own only those of its classifier. A
    threshold needing a set or a case that is absent is left out. Beside the method stand the input as its own
    reconstruction (d = 0), where there are twins, and trivial anomaly maps, see :py:func:`intensity_maps`.

    A case has ``image`` (C, H, W), ``map`` (1, H, W; higher is more anomalous), ``reconstruction``, like the image,
    ``mask`` of the true lesion (1, H, W), ``twin``, the true healthy image (phantom), ``label`` (0 healthy, 1
    diseased), ``probability`` of disease, of a classifier, and ``site``, e.g. a scanner. Sites are parts of the
    evaluation, of the method alone, where there are several; the thresholds are those of all cases, chosen on
    validation cases, and those on test cases of the site's.

    Args:
        channel_names: name of every image channel.
        data_range: intensity range of the images.
        background: image value outside of the brain.
        border: rim of the brain, in pixels, that counts as not anomalous in every map, also of the baselines.
        min_lesion_pixels: a case with fewer lesion pixels is not diseased (and, unless it has none, not healthy).
        false_positive_rate: of the ``"healthy_quantile"`` threshold, in pixels.
        show: channels of the picture; the last one where none is known.
        rows: cases of the picture.
        rotate: show the second axis upward (axial slices of RAS volumes); False: downward (X-rays).
        signed: show signed differences in place of the map.
        weights: of the channels in the method's map, see `AnomalyMap`, for the true differences; None: all, unsigned.

    Example::

        cases, rng = Cases(AnomalyMaps.schema), np.random.default_rng(0)
        for i in range(4):
            mask = np.zeros((1, 16, 16), bool)
            mask[0, 4:8, 4:8] = i % 2
            image = rng.random((1, 16, 16)) + mask
            cases.append(f"subject {i}", 30, image=image, map=image**2, mask=mask)
        report = evaluate_cases(AnomalyMaps(["flair"]), cases)
        list(report["parts"]["all"]["methods"])  # ["method", "intensity flair"]
    """

    channel_names: Sequence[str]
    data_range: float = 1.0
    background: float = 0.0
    border: int = 0
    min_lesion_pixels: int = 1
    false_positive_rate: float = 0.01
    show: Sequence[str] = ("flair", "t1ce")
    rows: int = 6
    rotate: bool = True
    signed: bool = False
    weights: Sequence[float] | None = None

    name: ClassVar[str] = "anomaly_maps"
    schema: ClassVar[Schema] = SCHEMA
    scorers: ClassVar = (score_maps, score_false_positives, score_reconstruction, score_diagnosis)
    paired: ClassVar = ("dice_validation", "dice_average_otsu_truth", "pixel_ap", *TWIN_SCORES)
    shown: ClassVar = SHOWN
    free: ClassVar = ("show", "rows", "rotate", "signed", "weights")
    random: ClassVar = (MEAN_HEALTHY,)

    def parts(
        self, test: Cases, validation: Iterable[Mapping[str, Any]] | None, training: Any, method: str
    ) -> list[tuple[str, Part]]:
        """All cases: the method, the untouched input and the trivial maps; every site: the method."""
        valid = validation if isinstance(validation, Cases) and len(validation) else None
        sets = [(cases, self._inside(cases)) for cases in (test, valid) if cases is not None]
        methods: list[tuple[str, Callable[[], MethodCases]]] = [(method, partial(_method, sets))]
        if test.has("reconstruction") and (diseased(test, self.min_lesion_pixels) & test.known("twin")).any():
            untouched = test.replace(map=None, reconstruction=test["image"], probability=None)
            methods.append(("input untouched", partial(MethodCases, untouched)))
        mean = None if training is None else mean_healthy_image(training)
        baselines = intensity_maps(self.channel_names, mean).items()
        whole = Part([*methods, *((name, partial(_method, sets, baseline)) for name, baseline in baselines)])
        sites = sorted({str(site) for site in test["site"] if site})
        members = {site: test["site"] == site for site in sites if len(sites) > 1}
        return [(ALL, whole), *((site, self._site(test, some, methods[0])) for site, some in members.items())]

    def _site(self, test: Cases, members: np.ndarray, method: tuple[str, Callable[[], MethodCases]]) -> Part:
        """The method on the cases of a site."""
        name, make = method
        chosen = np.flatnonzero(members)
        return Part([(name, lambda: _subset(make(), chosen))], self.counts(test.subset(chosen)), members)

    def _inside(self, cases: Cases) -> np.ndarray | None:
        """The brain without its rim; None: no rim is left out."""
        if not self.border:
            return None
        return interior(cases["image"], self.border, self.background, 0.01 * self.data_range)

    def counts(self, cases: Cases) -> dict[str, int]:
        """Of a set of cases, for the report."""
        return {
            **super().counts(cases),
            "diseased": int(diseased(cases, self.min_lesion_pixels).sum()),
            "healthy": int(healthy(cases).sum()),
            "pixels_per_case": int(cases["mask"][0].size),
        }

    def truth(self, cases: Cases) -> Columns:
        """Label, size of the lesion, and whether a case counts as diseased."""
        return {
            "label": cases["label"],
            "lesion_pixels": lesion_pixels(cases),
            "diseased": diseased(cases, self.min_lesion_pixels),
        }

    def tables(self, report: Mapping[str, Any]) -> list[Section]:
        """Scores, thresholds, differences, reconstruction and classification."""
        return anomaly_sections(report)

    def figures(self, test: Cases, report: Mapping[str, Any], folder: Path) -> None:
        """``panel.png``, where the method has maps: those that were scored, without the rim."""
        if test.has("map"):
            scored = _method([(test, self._inside(test))]).test
            draw_panel(folder / "panel.png", self.settings, scored, self._shown(report))

    def comparison_figures(
        self, path: Path, methods: Mapping[str, Callable[[], Cases]], rows: int, keys: Sequence[tuple[str, str]] | None
    ) -> None:
        """Reconstructions and signed differences of the methods that have any, in one picture."""
        draw_comparison(path, self.settings, methods, rows, keys)

    def threshold(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The one that was chosen on validation masks."""
        own = next(iter(report["parts"][ALL]["methods"].values()))
        return own["dice_validation"]["threshold"] if "dice_validation" in own else None

    def _shown(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The threshold of the picture's outlines."""
        own = next(iter(report["parts"][ALL]["methods"].values()))
        chosen = own.get("dice_validation") or own.get("dice_average_otsu")
        return None if chosen is None else chosen["threshold"]


def _subset(method: MethodCases, numbers: np.ndarray) -> MethodCases:
    return replace(method, test=method.test.subset(numbers))


def _method(sets: Sequence[tuple[Cases, np.ndarray | None]], baseline: Baseline | None = None) -> MethodCases:
    """The method's own maps, or those of a baseline, without the rim."""
    made = []
    for cases, inside in sets:
        found = cases
        if baseline is not None:
            found = cases.replace(map=baseline(cases["image"]), reconstruction=None, probability=None)
        if inside is not None and found.has("map"):  # the least value of the map, so that the rim ranks last
            maps = found["map"]
            found = found.replace(map=np.where(inside, maps, maps.min()).astype(np.float32))
        made.append(found)
    return MethodCases(made[0], made[1] if len(made) > 1 else None)
