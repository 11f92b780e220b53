# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...metrics import plane_of
from ...utils import DataError, target_sites
from ...visualize import LatentPoints, latent_figure
from ..cases import Cases
from ..schema import Field, Schema
from ..scorers import score_classes, score_site_probe
from ..tables import Column, Section
from ..task import ALL, MethodCases, Scorer
from .classification import MOST_FREQUENT, Classification
from .harmonized import harmonized_cases
from .site_tables import SOURCE, TARGET, probe_columns, site_sections

__all__ = ["SiteClassification"]

SCHEMA = Schema(
    "site_classification",
    (
        Field("logits", "float", ("K",), required=True, made=True),
        Field("latent", "float", ("m",), made=True, uniform=True),
        Field("distance", "float", ("K",), made=True, uniform=True),
        Field("label", "label", required=True),
        Field("site", "text"),
    ),
)
COMBAT = "ComBat"


@dataclass(frozen=True)
class SiteClassification(Classification):
    """Classes at a target site and at others, and what of the site is left in the latent (thesis ch. 9).

    A case has ``logits`` (K,), a ``label`` (-1: unknown) and a ``site``, and may have the ``latent`` (m,) that it was
    classified by and its ``distance`` (K,) to the center of each class; images and volumes are not kept. Parts are all
    cases, ``target``, ``source`` (all other known sites) and, where there are several, every site. A case without a
    site, or of one that is not among the ``sources``, is neither target nor source: it counts in ``all``, and in the
    part of its site where that has a name.

    Where cases have a latent, a site probe tells how well a linear model reads the site from it, see `site_probe`, and
    where ``training`` is the `Cases` of the training set with theirs, the variant "ComBat" is scored, see `ComBat`.

    Args:
        class_names: name of every class.
        target: name of the target site, or of several, which are one domain.
        sources: names of the source sites, e.g. those of the training set; None: all other sites with a name.

    Example::

        task = SiteClassification(["healthy", "MS"], target="north")
        cases = Cases(task.schema)
        for i in range(12):
            site = "north" if i < 6 else "south"
            cases.append(f"subject {i}", logits=torch.randn(2), latent=torch.randn(8), label=i % 2, site=site)
        report = evaluate_cases(task, cases)
        list(report["parts"])  # ["all", "target", "source", "north", "south"]
        report["parts"]["all"]["methods"]["method"]["site_probe_healthy"]["value"]
    """

    target: str | Sequence[str]
    sources: Sequence[str] | None = None

    name: ClassVar[str] = "site_classification"
    schema: ClassVar[Schema] = SCHEMA
    scorers: ClassVar[Sequence[Scorer]] = (score_classes, score_site_probe)
    variants: ClassVar = (COMBAT,)
    random: ClassVar = (MOST_FREQUENT,)  # a method may be trained on the target alone

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the target sites."""
        return tuple(target_sites(self.target))

    def columns(self) -> list[Column]:
        """The scores of classes, and the site probe of every class."""
        return [*self.shown, *probe_columns(self.class_names)]

    def members(self, test: Cases) -> list[tuple[str, np.ndarray | None]]:
        """All cases, the target, the source where there is one, and every site where there are several.

        Raises:
            DataError: when no case is of a target site, or one of these is among the sources.
        """
        site = test["site"]
        names = sorted({str(name) for name in site if name})
        if not set(self.targets) & set(names):
            raise DataError(f"Expected cases of the target site {', '.join(self.targets)}, found those of {names}.")
        sources = [name for name in names if name not in self.targets] if self.sources is None else list(self.sources)
        if set(self.targets) & set(sources):
            raise DataError(f"Expected sources without the target site {', '.join(self.targets)}, found {sources}.")
        parts: list[tuple[str, np.ndarray | None]] = [(ALL, None), (TARGET, np.isin(site, self.targets))]
        if (source := np.isin(site, sources)).any():
            parts.append((SOURCE, source))
        return [*parts, *((name, site == name) for name in names if len(names) > 1)]

    def beside(self, test: Cases, training: Any) -> list[tuple[str, MethodCases]]:
        """The classification by harmonized latents, where the training set has latents."""
        if not isinstance(training, Cases) or not training.has("latent") or not test.has("latent"):
            return []
        found = harmonized_cases(test, training)
        return [] if found is None else [(COMBAT, found)]

    def tables(self, report: Mapping[str, Any]) -> list[Section]:
        """Target and source, as Table 1 of the thesis, with the site probe; more scores, sites, and differences."""
        return site_sections(report, self.class_names)

    def figures(self, test: Cases, report: Mapping[str, Any], folder: Path) -> None:
        """``confusion.png``: a confusion matrix per part; ``latent.png``: the latents in the plane, by class and by
        site."""
        super().figures(test, report, folder)
        if test.has("latent"):
            points, how = plane_of(test["latent"])
            panels = {"classes": self._by_class(test, points), "sites": self._by_site(test, points)}
            latent_figure(folder / "latent.png", panels, f"latent ({how})")

    def comparison_figures(
        self, path: Path, methods: Mapping[str, Callable[[], Cases]], rows: int, keys: Sequence[tuple[str, str]] | None
    ) -> None:
        """The latents of every method that has some, by class: a diagram each."""
        panels = {}
        for name, read in methods.items():
            cases = read()
            if cases.has("latent"):
                points, how = plane_of(cases["latent"])
                panels[f"{name} ({how})"] = self._by_class(cases, points)
        if panels:
            latent_figure(path, panels)

    def _by_class(self, cases: Cases, points: np.ndarray) -> LatentPoints:
        place = np.where(np.isin(cases["site"], self.targets), 0, 1)
        places = [f"target ({', '.join(self.targets)})", "other sites"]
        return LatentPoints(points, cases["label"], place, self.class_names, places)

    def _by_site(self, cases: Cases, points: np.ndarray) -> LatentPoints:
        names = sorted({str(name) for name in cases["site"] if name}, key=lambda name: (name not in self.targets, name))
        number = {name: i for i, name in enumerate(names)}
        color = np.array([number.get(str(name), -1) for name in cases["site"]])
        marker = np.where(cases["label"] < 0, len(self.class_names), cases["label"])
        return LatentPoints(points, color, marker, names, [*self.class_names, "unknown"])
