# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.visualize.report import ReportLayer, write_case_report, write_report_index

RAS, LPS = np.eye(4), np.diag([-1.0, -1, 1, 1])


def layers(shape: tuple[int, ...] = (16, 12, 5)) -> list[ReportLayer]:
    """An input that grows brighter to the right, and a lesion at the front right of the third slice."""
    image = np.zeros(shape) + np.linspace(0, 1, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    mask = np.zeros(shape)
    mask[(slice(10, 14), slice(7, 11), *([2] if len(shape) == 3 else []))] = 1
    return [
        ReportLayer("input", image),
        ReportLayer("healthy", image / 2),
        ReportLayer("map", mask * 0.4, "map", (0, 0.4)),
        ReportLayer("change", -mask, "difference", (-1, 1)),
        ReportLayer("mask", mask, "outline"),
    ]


def written(folder: Path, shown: list[ReportLayer], affine: np.ndarray | None = RAS) -> dict[str, Any]:
    """What a page gives its script."""
    write_case_report(
        folder / "report.html", "p", shown, {"flagged": "16 voxels"}, {"settings": {"level": 4}}, (), affine
    )
    page = (folder / "report.html").read_text(encoding="utf-8")
    return json.loads(re.search(r"id='case'>(.*?)</script>", page, re.DOTALL)[1])  # type: ignore[index]


def picture(address: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def test_slices_stand_upright_with_what_was_found_over_them(tmp_path: Path) -> None:
    case = written(tmp_path, layers())
    image, healthy, over, change, mask = (layer["slices"] for layer in case["layers"])
    assert (case["width"], case["height"], case["start"]) == (16, 12, 2) and case["profile"] == [0, 0, 1, 0, 0]
    gray = np.asarray(picture(image[0]))
    assert gray.shape == (12, 16) and gray[6, 0] < 10 and gray[6, -1] > 245  # right is on the right
    assert np.asarray(picture(healthy[0]))[6, -1] == pytest.approx(127, abs=5)
    opaque = np.asarray(picture(over[2]).convert("RGBA"))[..., 3] > 0
    rows, columns = np.nonzero(opaque)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 4, 10, 13)  # the front is above
    red, _, blue, _ = np.asarray(picture(change[2]).convert("RGBA"))[2, 12]
    assert blue > red
    assert over[0] == mask[0] == change[0] == ""
    x, y = np.array([point.split() for point in re.split("[ML]", mask[2])[1:]], float).T
    assert (x.min(), x.max(), y.min(), y.max()) == (10, 14, 1, 5)


def test_the_picture_is_the_same_in_any_orientation(tmp_path: Path) -> None:
    flipped = [ReportLayer(v.name, v.values[::-1, ::-1], v.kind, v.limits) for v in layers()]
    assert written(tmp_path, flipped, LPS) == written(tmp_path, layers(), RAS)


@pytest.mark.parametrize("affine", [None, RAS])
def test_a_picture_has_one_slice(tmp_path: Path, affine: np.ndarray | None) -> None:
    case = written(tmp_path, layers((16, 12)), affine)
    assert [len(layer["slices"]) for layer in case["layers"]] == [1] * 5
    rows = np.nonzero(np.asarray(picture(case["layers"][2]["slices"][0]).convert("RGBA"))[..., 3])[0]
    assert (rows.min(), rows.max()) == ((7, 10) if affine is None else (1, 4))  # of a photograph y grows downward


def test_where_nothing_is_found_the_middle_is_shown(tmp_path: Path) -> None:
    empty = [
        ReportLayer("input", np.random.default_rng(0).random((6, 6, 7))),
        ReportLayer("m", np.zeros((6, 6, 7)), "map"),
    ]
    case = written(tmp_path, empty)
    assert case["start"] == 3 and case["profile"] == [] and set(case["layers"][1]["slices"]) == {""}


def test_slices_have_the_proportions_of_the_world(tmp_path: Path) -> None:
    written(tmp_path, layers(), np.diag([1.0, 2, 5, 1]))
    assert "aspect-ratio: 0.6667" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_values_that_are_not_finite_are_not_laid_over(tmp_path: Path) -> None:
    values = np.full((6, 6), np.nan)
    shown = [
        ReportLayer("input", values),
        ReportLayer("d", values, "difference", (-1, 1)),
        ReportLayer("m", values, "map"),
    ]
    case = written(tmp_path, shown)
    assert [layer["slices"] for layer in case["layers"][1:]] == [[""], [""]]


def test_names_are_text_not_html(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    named = [ReportLayer(evil, layers()[0].values)]
    write_case_report(tmp_path / "report.html", evil, named, {evil: evil}, {evil: {evil: evil}}, [evil], RAS)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and page.count("</script>") == 2


def test_a_coronal_slice_has_its_own_proportions(tmp_path: Path) -> None:
    coronal = np.diag([1.0, 1, 3, 1])[[0, 2, 1, 3]]  # x to the right, y up, 3 mm
    coronal[:3, :3] = np.array([[1.0, 0, 0], [0, 0, 1], [0, 3, 0]])
    written(tmp_path, layers((40, 20)), coronal)
    assert "aspect-ratio: 0.6667" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_names_that_are_no_valid_text_are_shown(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    (tmp_path / name).mkdir()
    write_case_report(tmp_path / name / "report.html", name, layers(), {}, {}, (), RAS)
    page = write_report_index(tmp_path, [{"case": os.fsdecode(b"th\xe9"), "reason": "none"}]).read_text(
        encoding="utf-8"
    )
    assert "href='caf%E9/report.html'" in page and "caf\\udce9" in page and "th\\udce9" in page


def test_a_case_that_failed_now_does_not_show_what_it_was_before(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    written(tmp_path / "a", layers())
    page = write_report_index(tmp_path, [{"case": "a", "reason": "out of memory"}]).read_text(encoding="utf-8")
    assert "0 cases" in page and "out of memory" in page and "a/report.html" not in page


def test_the_index_leads_to_every_report_and_names_what_is_missing(tmp_path: Path) -> None:
    for name in ("a b", "c&d"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, layers())
    (tmp_path / "a b" / "scores.json").write_text('{"summary": "16 voxels < 20"}', encoding="utf-8")
    (tmp_path / "other").mkdir()
    page = write_report_index(tmp_path, [{"case": "e", "reason": "no <flair>"}]).read_text(encoding="utf-8")
    assert "2 cases" in page and "href='a%20b/report.html'" in page and "href='c%26d/report.html'" in page
    assert "16 voxels &lt; 20" in page and "no &lt;flair&gt;" in page and "other" not in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")
def test_in_a_browser(tmp_path: Path) -> None:
    written(tmp_path, layers())
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    command = ["chromium", *options, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000"]
    page = subprocess.run(
        [*command, "--dump-dom", (tmp_path / "report.html").as_uri()], capture_output=True, text=True, timeout=120
    ).stdout
    assert "3 of 5" in page and '<option value="0">healthy</option>' in page and 'stroke="#ff5c8a"' in page
