# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...metrics.pixel_scores import dice_per_slice
from ...metrics.segmentation import EXPECTED_DICE, ExpectedDiceThreshold, above
from ...metrics.thresholds import best_dice_threshold
from ...utils import DataError, interior, one_of
from ..cases import Cases
from ..files import file_part
from ..schema import Field, Schema
from ..scorers import score_calibration, score_overlap
from ..tables import Section
from ..task import Columns, MethodCases, Part, Task
from .baselines import ChannelThreshold, best_channel_threshold
from .segmentation_figures import draw_curves, draw_examples, draw_uncertainties
from .segmentation_tables import CALIBRATION, OVERLAP, segmentation_sections

__all__ = ["ONE_SAMPLE", "THRESHOLD", "Segmentation"]

ONE_SAMPLE, THRESHOLD = "1 sample", "threshold"
"""What stands beside the ensemble in a report."""
REGIONS = ("K", "H", "W")


def _variance(row: Mapping[str, Any]) -> np.ndarray | None:
    """That of the members (unbiased), or 0."""
    members = row["samples"]
    if members is not None and len(members) > 1:
        return members.var(0, ddof=1).astype(np.float32)
    return None if row["mask"] is None else np.zeros(row["mask"].shape, np.float32)


SCHEMA = Schema(
    "segmentation",
    (
        Field("image", "image", ("C", "H", "W"), required=True),
        Field("mask", "mask", REGIONS, required=True),
        Field("mean", "float", REGIONS, required=True, low=0, high=1, made=True),
        Field("samples", "member", ("n", *REGIONS), uniform=True, low=0, high=1, made=True),
        Field("variance", "float", REGIONS, low=0, default=_variance, made=True),
    ),
)


@dataclass(frozen=True)
class Segmentation(Task):
    """Masks of one or several regions, by an ensemble or one prediction (thesis ch. 5, Table 1).

    Every region is a part of the evaluation, scored by its own channel. A label map that `MaskEncoding` makes of
    several channels may differ from them, where exclusive classes are all below the threshold or above it together, or
    an inner region leaves the outer one. The ensemble is the mean above a threshold; beside it stand "1 sample", what
    one of its samples may be expected to score, and "threshold", the channel and threshold with the best Dice on the
    validation masks.

    The threshold is the same one for mean and samples of all regions: a number, by default that with the best mean Dice
    of the mean on validation cases, where these come with the method's means, else 0.5; or a rule that gives every map
    its own, `ExpectedDiceThreshold`. Samples that are masks already have none.

    A case has ``image`` (C, H, W), ``mask`` (K, H, W) of the true regions, ``mean`` (K, H, W), the probability of every
    region, ``samples`` (n, K, H, W), masks or probabilities, and ``variance`` (K, H, W), by default that of the
    samples.

    Args:
        channel_names: name of every image channel.
        region_names: name of every mask channel.
        spacing: size of a pixel in mm, or along (H, W).
        data_range: intensity range of the images.
        background: image value outside of the brain.
        bins: of the calibration errors.
        mean_threshold: of mean and samples, a number or ``"expected_dice"``; None: chosen on validation cases,
            else 0.5.
        presence: of `ExpectedDiceThreshold`.
        show: channel of the pictures; the last one where it is unknown.
        rows: cases of the pictures.
        rotate: show the second axis upward (axial slices of RAS volumes); False: downward (X-rays).

    Example::

        cases, rng = Cases(Segmentation.schema), np.random.default_rng(0)
        for i in range(4):
            mask = np.zeros((1, 16, 16), bool)
            mask[0, 4:9, 4:9] = True
            samples = rng.random((5, 1, 16, 16)) < 0.1 + 0.8 * mask
            cases.append(image=rng.random((1, 16, 16)), mask=mask, mean=samples.mean(0), samples=samples)
        report = evaluate_cases(Segmentation(["flair"], ["lesion"]), cases, method="mine")
        report["parts"]["lesion"]["methods"]["mine of 5"]["dice"]["value"]
    """

    channel_names: Sequence[str]
    region_names: Sequence[str]
    spacing: float | Sequence[float] = 1.0
    data_range: float = 1.0
    background: float = 0.0
    bins: int = 20
    mean_threshold: float | str | None = None
    presence: float = ExpectedDiceThreshold.presence
    show: str = "flair"
    rows: int = 6
    rotate: bool = True

    name: ClassVar[str] = "segmentation"
    schema: ClassVar[Schema] = SCHEMA
    scorers: ClassVar = (score_overlap, score_calibration)
    paired: ClassVar = ("dice",)
    shown: ClassVar = (*OVERLAP, *CALIBRATION)
    variants: ClassVar = (ONE_SAMPLE,)
    free: ClassVar = ("show", "rows", "rotate", "channel_names")

    def __post_init__(self) -> None:
        self._given()  # a mistake should not show after the training

    def parts(
        self, test: Cases, validation: Iterable[Mapping[str, Any]] | None, training: Any, method: str
    ) -> list[tuple[str, Part]]:
        """A part per region: the ensemble, one of its samples and the trivial threshold; see :py:meth:`Task.parts`.

        Raises:
            DataError: when the names do not fit the set.
        """
        for kind, names, field in (("region", self.region_names, "mask"), ("channel", self.channel_names, "image")):
            if len(names) != test[field].shape[1]:
                raise DataError(f"Expected {test[field].shape[1]} {kind} names, found {list(names)}.")
        count = test["samples"].shape[1]
        chosen = self._chosen(validation)
        baselines = [] if validation is None else best_channel_threshold(validation)
        parts = []
        for k, region in enumerate(self.region_names):
            cases = _of_region(test, k)
            methods: list[tuple[str, Callable[[], MethodCases]]] = [
                (f"{method} of {count}" if count > 1 else method, partial(MethodCases, cases, **chosen))
            ]
            if count > 1:
                one = partial(MethodCases, cases.replace(mean=None), threshold=chosen.get("threshold", 0.5))
                methods.append((ONE_SAMPLE, one))
            if baselines and (baseline := baselines[k]) is not None:
                methods.append((THRESHOLD, partial(self._baseline, cases, baseline)))
            lesion = int(cases["mask"].any((1, 2, 3)).sum())
            parts.append((region, Part(methods, {"with_lesion": lesion, "without_lesion": len(test) - lesion})))
        return parts

    def _chosen(self, validation: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
        """Threshold of the mean, and what a report tells of it."""
        threshold, known = self._given(), None
        if isinstance(validation, Cases) and validation.has("mean") and validation["mask"].any():
            known = [v.reshape(-1, *v.shape[2:]) for v in (validation["mean"], validation["mask"])]
        note: dict[str, Any]
        if isinstance(threshold, ExpectedDiceThreshold):
            note = {"rule": EXPECTED_DICE, "value": threshold.presence, "origin": "given"}
        elif threshold is not None:
            note = {"value": threshold, "origin": "given"}
        elif known is not None:
            threshold = max(best_dice_threshold(*known)[0], 0.0)  # what has probability 0 is no lesion
            note = {"value": threshold, "origin": "validation", "chosen_on": "validation"}
        else:
            return {}
        about: dict[str, Any] = {"threshold": note}
        if known is not None:
            about["validation_dice"] = float(np.nanmean(dice_per_slice(above(known[0], threshold), known[1])))
        return {"threshold": threshold, "about": about}

    def _given(self) -> float | ExpectedDiceThreshold | None:
        """What the settings say of the threshold."""
        if isinstance(self.mean_threshold, str):
            one_of("mean_threshold", self.mean_threshold, (EXPECTED_DICE,))
            return ExpectedDiceThreshold(self.presence)
        return None if self.mean_threshold is None else float(self.mean_threshold)

    def _baseline(self, cases: Cases, baseline: ChannelThreshold) -> MethodCases:
        about = {
            "channel": str(self.channel_names[baseline.channel]),
            "threshold": {"value": baseline.value, "origin": "validation"},
            "validation_dice": baseline.dice,
        }
        masks = baseline(cases["image"])[:, None, None]
        return MethodCases(cases.replace(mean=None, samples=masks), about=about)

    def counts(self, cases: Cases) -> dict[str, int]:
        """Of a set of cases, for the report."""
        brain = interior(cases["image"].astype(np.float32), 0, self.background, 0.01 * self.data_range)
        return {
            **super().counts(cases),
            "pixels_per_case": int(brain[0].size),
            "brain_pixels": int(brain.sum()),
        }

    def truth(self, cases: Cases) -> Columns:
        """Size of every region."""
        sizes = cases["mask"].sum((2, 3))
        return {f"lesion_pixels_{name}": sizes[:, k] for k, name in enumerate(self.region_names)}

    def tables(self, report: Mapping[str, Any]) -> list[Section]:
        """Of every region overlap, differences, calibration and Dice by number of samples."""
        return segmentation_sections(report)

    def figures(self, test: Cases, report: Mapping[str, Any], folder: Path) -> None:
        """``examples.png`` (of the first region, ``examples_<name>.png`` of each other) and ``curves.png``."""
        for k, region in enumerate(self.region_names):
            path = folder / ("examples.png" if k == 0 else f"examples_{file_part(region)}.png")
            title = f"Test cases: {region}, {next(iter(report['parts'][region]['methods']))}"
            draw_examples(path, self.settings, test, k, title, self._used(report))
        draw_curves(folder / "curves.png", self.settings, test, report, self._used(report))

    def comparison_figures(
        self, path: Path, methods: Mapping[str, Callable[[], Cases]], rows: int, keys: Sequence[tuple[str, str]] | None
    ) -> None:
        """The uncertainty of the methods, a picture per region."""
        draw_uncertainties(path, self.settings, methods, rows, keys)

    def threshold(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """That of the mean, where it was given or chosen on validation cases."""
        part = next(iter(report["parts"].values()))
        own = part["about"].get(next(iter(part["methods"])))
        return None if own is None else own["threshold"]

    def _used(self, report: Mapping[str, Any]) -> float | ExpectedDiceThreshold:
        """The threshold of the mean, whoever chose it."""
        chosen = self.threshold(report)
        if chosen is None:
            return 0.5
        return ExpectedDiceThreshold(chosen["value"]) if "rule" in chosen else float(chosen["value"])


def _of_region(cases: Cases, k: int) -> Cases:
    """The cases with one region only."""
    fields = {name: cases[name][:, k : k + 1] for name in ("mask", "mean", "variance")}
    if cases.has("samples"):
        fields["samples"] = cases["samples"][:, :, k : k + 1]
    return cases.replace(**fields)
