# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from monai_anomaly.apps.predict import predict
from monai_anomaly.apps.zoo import export_zoo
from monai_anomaly.utils import DataError, file_digest
from tests.bundles.workflow import BUNDLES, copy_bundle

from .exported import python

RUN = """
from monai.bundle import run
run(config_file="configs/inference.json", dataset_dir="{image}", output_dir="{out}")
"""


def picture(folder: Path) -> Path:
    image = Image.effect_noise((64, 64), 60)
    image.save(folder / "a.png")
    return folder / "a.png"


def test_the_exported_bundle_gives_the_same_without_the_package(tmp_path: Path) -> None:
    image = picture(tmp_path)
    export_zoo("descargan", tmp_path / "models")
    predict("descargan", image, tmp_path / "here")
    python(RUN.format(image=image, out=tmp_path / "there"), tmp_path / "models" / "descargan")
    for name in ("map", "reconstruction", "mask"):
        here, there = ((tmp_path / where / "a" / f"{name}.nii.gz").read_bytes() for where in ("here", "there"))
        assert here == there, name


def test_an_export_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"model\.pt: expected weights to export, found none"):
        export_zoo(str(copy_bundle("diffseg", tmp_path)), tmp_path / "zoo")
    monkeypatch.setattr(sys.modules[export_zoo.__module__], "LARGEST", 1e5)
    with pytest.raises(DataError, match=r"model\.pt: expected at most 25 MB.*give --url"):
        export_zoo("descargan", tmp_path / "zoo")
    assert not list((tmp_path / "zoo").iterdir())
    (tmp_path / "zoo" / "descargan").mkdir()
    with pytest.raises(DataError, match=r"zoo/descargan: expected no such folder, found one"):
        export_zoo("descargan", tmp_path / "zoo")


def test_large_files_are_named_with_their_place_and_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[export_zoo.__module__], "LARGEST", 1e6)
    export_zoo("descargan", tmp_path, url="https://example.org/descargan/")
    listed = yaml.safe_load((tmp_path / "descargan" / "large_files.yml").read_text(encoding="utf-8"))["large_files"]
    shipped = BUNDLES[0] / "models" / "model.pt"
    assert listed == [
        {
            "path": "models/model.pt",
            "url": "https://example.org/descargan/models/model.pt",
            "hash_val": file_digest(shipped),
            "hash_type": "sha256",
        }
    ]
    assert sorted(path.name for path in (tmp_path / "descargan" / "models").iterdir()) == [
        "model.json",
        "threshold.json",
    ]


def test_pages_are_those_of_the_bundle(tmp_path: Path) -> None:
    export_zoo("descargan", tmp_path)
    readme = (tmp_path / "descargan" / "docs" / "README.md").read_text(encoding="utf-8")
    assert "needs the package" not in readme and "(weights.md)" in readme and "trained/model" not in readme
    assert "Demonstration weights" in (tmp_path / "descargan" / "docs" / "weights.md").read_text(encoding="utf-8")


def test_in_a_copy_of_the_zoo_the_unit_test_goes_where_its_ci_looks(tmp_path: Path) -> None:
    (tmp_path / "ci" / "unit_tests").mkdir(parents=True)
    export_zoo("descargan", tmp_path / "models")
    test = tmp_path / "ci" / "unit_tests" / "test_descargan.py"
    assert test.is_file() and not list((tmp_path / "models" / "descargan").glob("test_*"))
    shutil.rmtree(tmp_path / "models" / "descargan")
    with pytest.raises(DataError, match=r"test_descargan\.py: expected no such file, found one"):
        export_zoo("descargan", tmp_path / "models")
