# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..cases import Cases
from ..edited import SIZE, relative_size, wanted_value
from ..schema import Field, Schema
from ..scorers import score_translation
from ..tables import Section
from ..task import ALL, Columns, MethodCases, Part, Task
from .translation_figures import draw_comparison, draw_examples, draw_sizes
from .translation_tables import SHOWN, translation_sections

__all__ = ["TRUTH", "UNTOUCHED", "Translation"]

UNTOUCHED, TRUTH = "input untouched", "true counterfactual"
"""What stands beside the method in a report."""
IMAGE, PLANE = ("C", "H", "W"), (1, "H", "W")


def _no_lesion(row: Mapping[str, Any]) -> np.ndarray | None:
    """The desired lesion of a removal."""
    return np.zeros((1, *row["image"].shape[1:]), bool) if row["edit"] == "remove" else None


SCHEMA = Schema(
    "translation",
    (
        Field("image", "image", IMAGE, required=True, exact=True),  # a brain is what lies above the background
        Field("reconstruction", "image", IMAGE, required=True, made=True),
        Field("edit", "text"),
        Field("pair", "text"),
        Field("mask", "mask", PLANE),
        Field("target", "image", IMAGE),
        Field("target_mask", "mask", PLANE, default=_no_lesion),
        Field("target_value", "float"),
        Field("value_before", "float", made=True),
        Field("value_after", "float", made=True),
        Field("other_before", "float", made=True),
        Field("other_after", "float", made=True),
        Field("other_wanted", "float", made=True),
        Field("found_before", "mask", PLANE, made=True),
        Field("found_after", "mask", PLANE, made=True),
        Field("found_truth", "mask", PLANE, made=True),
    ),
    naming=(("pair",), ("edit", "target_value")),
)


@dataclass(frozen=True)
class Translation(Task):
    """Images translated to an asked-for value or lesion (thesis ch. 8): was it reached, and what else has changed?

    A case has ``image`` (C, H, W) and ``reconstruction``, the translated image. All else may be absent, and leaves out
    the scores that need it: ``edit``, the kind, e.g. "grow", "shrink", "insert", "move" or "remove"; ``pair``, a name
    that tells several edits of one slice apart; ``mask`` and ``target_mask`` (1, H, W), the lesion of the input and the
    desired one (by default none where the edit is "remove"); ``target`` (C, H, W), the true counterfactual;
    ``target_value``, the scalar that was asked for (where it is a size and none is given, that of ``target_mask``);
    ``value_before`` and ``value_after``, of the method's own network; ``other_before`` and ``other_after``, a second
    scalar, and ``other_wanted``, where it was to be led (by default it was to stay); ``found_before``, ``found_after``
    and ``found_truth`` (1, H, W), masks of an independent segmenter in the image, the reconstruction and the target.
    See :py:func:`score_translation`.

    All cases are a part, and those of every edit, where there are several. Beside the method stand the input as its own
    translation, and the true counterfactual, whose scores are what the segmenter allows.

    Args:
        channel_names: name of every image channel.
        data_range: intensity range of the images.
        background: image value outside of the brain; below all values, e.g. for photographs: everything counts.
        value: what the scalar is called; ``"size"``, lesion pixels / brain pixels, is what found masks measure.
        other: what the second scalar is called, for the reader.
        margin: pixels around old and new lesion where a change is no drift: a tumor pushes its surroundings.
        show: channel of the pictures; the last one where it is unknown.
        rows: cases of the pictures, at least one of each edit.
        rotate: show the second axis upward (axial slices of RAS volumes); False: downward (photographs).

    Example::

        cases, rng = Cases(Translation.schema), np.random.default_rng(0)
        for i in range(4):
            image, target_mask = rng.random((1, 16, 16)), np.zeros((1, 16, 16), bool)
            target_mask[0, 4:8, 4:8] = True
            made = image + 0.5 * target_mask
            cases.append(f"s{i}", 30, image=image, reconstruction=made, target_mask=target_mask, found_after=made > 1)
        report = evaluate_cases(Translation(["flair"]), cases, method="mine")
        report["parts"]["all"]["methods"]["mine"]["mask_dice"]["value"]
    """

    channel_names: Sequence[str]
    data_range: float = 1.0
    background: float = 0.0
    value: str = SIZE
    other: str = ""
    margin: int = 2
    show: str = "flair"
    rows: int = 6
    rotate: bool = True

    name: ClassVar[str] = "translation"
    schema: ClassVar[Schema] = SCHEMA
    scorers: ClassVar = (score_translation,)
    paired: ClassVar = (
        "size_error",
        "mask_dice",
        "error_lesion",
        "error_outside",
        "drift",
        "ssim_outside",
        "own_error",
        "other_error",
    )
    shown: ClassVar = SHOWN
    free: ClassVar = ("channel_names", "other", "show", "rows", "rotate")

    def parts(
        self, test: Cases, validation: Iterable[Mapping[str, Any]] | None, training: Any, method: str
    ) -> list[tuple[str, Part]]:
        """All cases, and the cases of every edit; the untouched input and the truth beside the method."""
        edits = sorted({str(edit) for edit in test["edit"] if edit})
        members: list[tuple[str, np.ndarray | None]] = [(ALL, None)]
        if len(edits) > 1:
            members += [(edit, test["edit"] == edit) for edit in edits]
        parts = []
        for name, some in members:
            cases = test if some is None else test.subset(np.flatnonzero(some))
            methods: list[tuple[str, Callable[[], MethodCases]]] = [
                (method, partial(MethodCases, cases)),
                (UNTOUCHED, partial(_untouched, cases)),
            ]
            if cases.known("target").any():
                methods.append((TRUTH, partial(_truth, cases)))
            parts.append((name, Part(methods, {"cases": len(cases)}, some)))
        return parts

    def counts(self, cases: Cases) -> dict[str, int]:
        """Of a set of cases, for the report."""
        return {
            **super().counts(cases),
            "with_target_value": int(cases.known("target_value").sum()),
            "with_target_mask": int(cases.known("target_mask").sum()),
            "with_true_counterfactual": int(cases.known("target").sum()),
        }

    def truth(self, cases: Cases) -> Columns:
        """Edit, size of the lesion in the input, and the scalar that was asked for."""
        return {
            "edit": cases["edit"],
            "size_before": relative_size(cases, "mask", self.settings),
            "wanted": wanted_value(cases, self.settings),
        }

    def tables(self, report: Mapping[str, Any]) -> list[Section]:
        """What was reached, what changed, and differences to the baselines."""
        return translation_sections(report)

    def figures(self, test: Cases, report: Mapping[str, Any], folder: Path) -> None:
        """``examples.png``, and ``sizes.png`` where different values were asked for and measured."""
        draw_examples(folder / "examples.png", self.settings, test)
        draw_sizes(folder / "sizes.png", self.settings, test)

    def comparison_figures(
        self, path: Path, methods: Mapping[str, Callable[[], Cases]], rows: int, keys: Sequence[tuple[str, str]] | None
    ) -> None:
        """Translated images and signed differences of the methods, in one picture."""
        draw_comparison(path, self.settings, methods, rows, keys)


def _untouched(cases: Cases) -> MethodCases:
    """The input as its own translation; its own value stands beside the method's."""
    own = {"value_before": None, "value_after": None}
    found, other = ([row[field] for row in cases] for field in ("found_before", "other_before"))
    return MethodCases(cases.replace(reconstruction=cases["image"], found_after=found, other_after=other, **own))


def _truth(cases: Cases) -> MethodCases:
    """The true counterfactual as the translation, of the cases that have one."""
    own = dict.fromkeys(("value_before", "value_after", "other_before", "other_after"))
    fields = {"reconstruction": "target", "found_after": "found_truth"}
    return MethodCases(cases.replace(**{name: [row[of] for row in cases] for name, of in fields.items()}, **own))
