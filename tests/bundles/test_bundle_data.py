# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the configurations look for data, and where they make some."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data import builtin
from monai_anomaly.utils import known_cause

from .workflow import REPOSITORY, merged

PHANTOMS: list[tuple[str, tuple[str, ...], str, str]] = [
    ("descargan", (), "ellipses", "ellipses"),
    ("descargan", ("chest",), "chest", "chest"),
    ("descargan", ("thesis",), "ellipses_thesis", "ellipses"),
    ("diffanomaly", (), "phantom", "phantom"),
    ("diffanomaly", ("long",), "phantom_long", "phantom"),
    ("diffseg", (), "phantom", "phantom"),
    ("difftranslation", (), "phantom", "phantom"),
    ("l2i_classification", (), "phantom", "phantom"),
]
"""Bundle, overlays, the folder of their built-in data, and the command that makes such."""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that built-in data would have been written to."""
    folders: list[Path] = []

    def write(root: Path, **arguments: object) -> Path:
        folders.append(root)
        return root / "datalist.json"

    for name in ("write_phantom", "write_ellipses", "write_chest"):
        monkeypatch.setattr(builtin, name, write)
    return folders


def datalist(bundle: str, *names: str, **overrides: object) -> Path:
    parser = merged(bundle, "train", *names)
    parser.update(overrides)
    return parser.get_parsed_content("datalist")


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("bundle", "names", "folder"), [entry[:3] for entry in PHANTOMS])
def test_default_folder_gets_the_built_in_data(
    written: list, monkeypatch: pytest.MonkeyPatch, bundle: str, names: tuple[str, ...], folder: str, inside: bool
) -> None:
    root = REPOSITORY / "bundles" / bundle
    monkeypatch.chdir(root if inside else REPOSITORY)
    datalist(bundle, *names)
    assert [f.resolve() for f in written] == [root / "data" / folder]


def test_default_folder_in_other_words(written: list, monkeypatch: pytest.MonkeyPatch) -> None:
    root = REPOSITORY / "bundles" / "diffanomaly"
    monkeypatch.chdir(root)
    datalist("diffanomaly", dataset_dir=str(root / "data" / "phantom") + "/")
    assert len(written) == 1


@pytest.mark.parametrize(("bundle", "names", "command"), [(*entry[:2], entry[3]) for entry in PHANTOMS])
def test_mistyped_folder_is_an_error(
    written: list, tmp_path: Path, bundle: str, names: tuple[str, ...], command: str
) -> None:
    reason = _reason(lambda: datalist(bundle, *names, dataset_dir=str(tmp_path / "brast")))
    assert "no such folder" in reason and f"monai_anomaly {command}" in reason
    assert not written and not (tmp_path / "brast").exists()


def test_phantom_elsewhere_on_request(written: list, tmp_path: Path) -> None:
    datalist("diffanomaly", dataset_dir=str(tmp_path / "mine"), make_phantom=True)
    assert written == [tmp_path / "mine"]


@pytest.mark.parametrize("bundle", ["descargan", "diffanomaly", "diffseg", "difftranslation", "l2i_classification"])
@pytest.mark.parametrize("value", [20230115, 1.1, ("Smith", "John")])
def test_a_name_that_the_command_line_read_as_a_number_is_an_error(written: list, bundle: str, value: object) -> None:
    assert "--dataset_dir ./" in _reason(lambda: datalist(bundle, dataset_dir=value))
    parser = merged(bundle, "inference")
    parser["dataset_dir"] = value
    assert "--dataset_dir ./" in _reason(lambda: parser.get_parsed_content("dataset#data"))


@pytest.mark.parametrize("bundle", ["descargan", "diffanomaly", "difftranslation", "l2i_classification"])
@pytest.mark.parametrize("part", ["train#dataset", "validate#dataset", "evaluate#test_dataset"])
def test_labels_beyond_the_classes_stop_before_the_training(tmp_path: Path, bundle: str, part: str) -> None:
    sections = {}
    for section in ("training", "validation", "test", "counterfactual"):
        (tmp_path / f"{section}.png").touch()
        sections[section] = [{"image": f"{section}.png", "label": 2, "subject": f"p7 of {section}", "site": "A"}]
    (tmp_path / "datalist.json").write_text(json.dumps({"modalities": ["image"], **sections}))
    parser = merged(bundle, "train")
    parser.update({"dataset_dir": str(tmp_path), "channel_names": ["image"]})
    assert "subject p7" in _reason(lambda: parser.get_parsed_content(f"{part}#data"))


@pytest.mark.parametrize("bundle", ["descargan", "diffanomaly", "diffseg", "difftranslation"])
def test_a_mask_with_colors_stops_before_the_training_too(tmp_path: Path, bundle: str) -> None:
    values = np.random.default_rng(0).random((8, 9, 7)).astype(np.float32)
    for name, image in (("image", values), ("seg", np.stack([(values > 0.9).astype(np.uint8)] * 3, -1))):
        nib.save(nib.Nifti1Image(image, np.eye(4)), tmp_path / f"{name}.nii")
    parser = merged(bundle, "train")
    parser.update({"channel_names": ["image"], "spatial_size": [8, 8], "dataset_dir": str(tmp_path)})
    load = parser.get_parsed_content("train#preprocessing")
    sample = {"image": str(tmp_path / "image.nii"), "mask": str(tmp_path / "seg.nii"), "label": 1}
    assert "seg.nii: expected 1 channel(s), found 3" in _reason(lambda: load(sample))


def _reason(run: Callable[[], object]) -> str:
    """The `DataError` within the error that MONAI makes of it."""
    with pytest.raises(Exception) as caught:
        run()
    error = known_cause(caught.value)
    assert error is not None, caught.value
    return str(error)
