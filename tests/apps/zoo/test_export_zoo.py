# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from monai_anomaly.apps.predict import predict
from monai_anomaly.apps.zoo import export_zoo
from monai_anomaly.utils import DataError, file_digest
from tests.bundles.workflow import BUNDLES, copy_bundle, write_random_weights

WITHOUT = "import sys; sys.modules['monai_anomaly'] = None\n"
"""As if the package were not installed: an import of it fails."""
LOAD = """
from monai.bundle import ConfigWorkflow, load
network = load("{name}", bundle_dir="{folder}", source="huggingface_hub", repo="MONAI/{name}")
print(type(network).__module__, sum(p.numel() for p in network.parameters()))
flow = ConfigWorkflow(config_file="configs/inference.json", workflow_type="infer", dataset_dir="{image}")
flow.initialize()
print("missing:", flow.check_properties())
"""
RUN = """
from monai.bundle import run
run(config_file="configs/inference.json", dataset_dir="{image}", output_dir="{out}")
"""


def python(code: str, folder: Path) -> str:
    """What a program prints that runs in the bundle's folder, without the package."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    command = [sys.executable, "-c", WITHOUT + code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


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


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_bundle_loads_from_a_snapshot_without_the_package(bundle: Path, tmp_path: Path) -> None:
    copy = copy_bundle(bundle, tmp_path / "bundles")
    write_random_weights(copy, copy / "models" / "model.pt")
    export_zoo(str(copy), tmp_path / "zoo")
    folder = tmp_path / "zoo" / bundle.name
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"LICENSE", "docs/README.md", "docs/data_license.txt", "models/model.pt", "scripts/__init__.py"} <= names
    for path in folder.rglob("*"):
        if path.suffix in (".py", ".json"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r'^\s*(from|import) monai_anomaly|"monai_anomaly\.', text, re.MULTILINE), path
    told = python(LOAD.format(name=bundle.name, folder=tmp_path / "zoo", image=picture(tmp_path)), folder)
    assert "scripts.networks" in told and re.search(r"missing: (None|\[\])", told), told


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


def test_pages_and_metadata_are_those_of_the_bundle(tmp_path: Path) -> None:
    export_zoo("descargan", tmp_path)
    readme = (tmp_path / "descargan" / "docs" / "README.md").read_text(encoding="utf-8")
    assert "needs the package" not in readme and "(weights.md)" in readme
    assert "Demonstration weights" in (tmp_path / "descargan" / "docs" / "weights.md").read_text(encoding="utf-8")
    metadata = json.loads((tmp_path / "descargan" / "configs" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["eval_metrics"] and metadata["version"] in metadata["changelog"]
