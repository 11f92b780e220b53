# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.utils import DataError
from monai_anomaly.visualize import reached_value_figure, translation_comparison_figure, translation_examples_figure
from monai_anomaly.visualize.style import COLORS, PREDICTED, TRUTH
from monai_anomaly.visualize.translation_figures import WANTED

from .pictures import cells, center, has_color, is_blue, is_red, near, pixels
from .test_examples_figures import OTHER, PLACE, names, square


def inserted() -> dict[str, np.ndarray]:
    """The lesion goes from one place to another; in the second case nothing happens."""
    image, made = 0.3 + 0.6 * square(PLACE), 0.3 + 0.6 * square(OTHER)
    masks = {"mask": square(PLACE) > 0, "target_mask": square(OTHER) > 0, "found_after": square(OTHER) > 0}
    return {"image": image, "reconstruction": made, "target": made, **masks} | names()


def test_lesion_and_change_are_where_they_were_put(tmp_path: Path) -> None:
    translation_examples_figure(tmp_path / "a.png", inserted(), channel_name="flair")
    (old, wanted, made, found, change, truth, true), empty = cells(tmp_path / "a.png", 2, 7)
    assert near(center(has_color(old, TRUTH)), PLACE) and near(center(has_color(wanted, WANTED)), OTHER)
    assert near(center(has_color(found, PREDICTED)), OTHER)
    for cell in (made, truth):
        assert near(center(cell[..., 0] > 150), OTHER)
    for cell in (change, true):
        assert near(center(is_red(cell)), OTHER) and near(center(is_blue(cell)), PLACE)
    assert empty[4].min() > 240 and not has_color(empty[1], WANTED).any()


def test_what_is_unknown_has_no_column(tmp_path: Path) -> None:
    bare = {key: inserted()[key] for key in ("image", "reconstruction", "subject", "slice")}
    translation_examples_figure(tmp_path / "a.png", bare)
    image, made, change = cells(tmp_path / "a.png", 2, 3)[0]
    assert near(center(image[..., 0] > 150), PLACE) and near(center(made[..., 0] > 150), OTHER)
    assert near(center(is_red(change)), OTHER)


def test_a_case_without_a_truth_is_black(tmp_path: Path) -> None:
    cases = inserted()
    cases["target"][1] = np.nan
    translation_examples_figure(tmp_path / "a.png", cases)
    first, second = cells(tmp_path / "a.png", 2, 7)
    assert second[5].max() < 30 < first[5].max()


def test_methods_side_by_side(tmp_path: Path) -> None:
    lazy = inserted() | {"reconstruction": inserted()["image"]}
    translation_comparison_figure(tmp_path / "a.png", {"ours": inserted(), "lazy": lazy})
    image, truth, true, ours, change, other, nothing = cells(tmp_path / "a.png", 2, 7)[0]
    assert has_color(image, TRUTH).any() and has_color(image, WANTED).any()
    for cell in (truth, ours):
        assert near(center(cell[..., 0] > 150), OTHER)
    for cell in (true, change):
        assert near(center(is_red(cell)), OTHER) and near(center(is_blue(cell)), PLACE)
    assert near(center(other[..., 0] > 150), PLACE) and nothing.min() > 240
    turned = {key: values[::-1] for key, values in inserted().items()}
    with pytest.raises(DataError, match="b: expected the cases of a"):
        translation_comparison_figure(tmp_path / "b.png", {"a": inserted(), "b": turned})


@pytest.mark.parametrize("distinct", [True, False])
def test_what_was_reached_lies_on_the_line(tmp_path: Path, distinct: bool) -> None:
    wanted = np.linspace(0, 0.2, 40) if distinct else np.repeat([0, 0.05, 0.1, 0.2], 10)
    rest = np.where(np.arange(40) % 5 == 0, np.nan, 0.1)
    panels = {"segmenter": {"translated": wanted, "input untouched": rest}, "own": {"translated": 0.5 * wanted}}
    reached_value_figure(tmp_path / "two.png", wanted, panels)
    reached_value_figure(tmp_path / "one.png", wanted, dict([*panels.items()][:1]))
    one, two = pixels(tmp_path / "one.png"), pixels(tmp_path / "two.png")
    assert two.shape[1] > one.shape[1]
    rows, columns = np.nonzero(has_color(one[: int(0.8 * len(one))], COLORS[0]))
    assert np.corrcoef(rows, columns)[0, 1] < -0.99
    untouched = np.nonzero(has_color(one[: int(0.8 * len(one))], COLORS[1]))[0]
    assert np.ptp(untouched) < 0.1 * len(one) < np.ptp(rows)
