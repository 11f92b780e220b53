# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The inference configuration of the classifier on made-up volumes, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import TINY_CLASSIFIER
from monai_anomaly.data.phantom import make_subject
from monai_anomaly.utils import DataError

from .tiny_data import ODD_AFFINE, write_case
from .workflow import infer, merged, write_random_weights

BUNDLE = "l2i_classification"
TINY: dict[str, Any] = {**TINY_CLASSIFIER, "spatial_size": [36, 32, 32], "pixdim": [5.0, 5.0, 5.0]}


def classify(folder: Path, inputs: Path, **overrides: Any) -> Path:
    """Apply random weights; the folder of what was written."""
    options = {**TINY, **overrides}
    write_random_weights(BUNDLE, folder / "model.pt", **options)
    infer(BUNDLE, folder / "out", dataset_dir=str(inputs), ckpt_dir=str(folder), **options)
    return folder / "out"


def scores(case: Path) -> Any:
    return json.loads((case / "scores.json").read_text(encoding="utf-8"))


def test_any_scan_of_any_site_is_classified_in_its_own_geometry(tmp_path: Path) -> None:
    """Other sizes and voxels, a site that the training did not know, and none at all."""
    samples = []
    for i, (shape, affine) in enumerate([((30, 28, 20), ODD_AFFINE), ((50, 40, 12), np.diag([3.0, 4, 9, 1]))]):
        case = write_case(tmp_path / f"p{i}", shape, affine, names=["flair"])
        samples.append(
            {"image": [str(case / "flair.nii.gz")], "subject": f"p{i}", **({"site": "unknown"} if i else {})}
        )
    (tmp_path / "datalist.json").write_text(json.dumps({"test": samples}))
    output = classify(tmp_path, tmp_path / "datalist.json")
    for i in range(2):
        source, written = (nib.load(f) for f in (tmp_path / f"p{i}/flair.nii.gz", output / f"p{i}/map.nii.gz"))
        assert written.shape == source.shape and written.get_data_dtype() == np.float32
        np.testing.assert_allclose(written.affine, source.affine, atol=1e-4)
        found = scores(output / f"p{i}")
        assert set(found["probability"]) == set(found["distance"]) == {"healthy", "diseased"}
        assert sum(found["probability"].values()) == pytest.approx(1)
        assert found["class"]["name"] == max(found["probability"], key=found["probability"].get)


def test_inference_says_what_the_evaluation_says(tmp_path: Path) -> None:
    """The same image, prepared by the training's configuration, through the same network."""
    case = write_case(tmp_path / "p", (40, 34, 20), ODD_AFFINE, names=["flair"]) / "flair.nii.gz"
    found = scores(classify(tmp_path, case) / "flair")
    train = merged(BUNDLE, "train")
    train.update({**TINY, "device": "$torch.device('cpu')"})
    network = train.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    sample = train.get_parsed_content("validate#preprocessing")({"image": str(case), "label": 0})
    with torch.no_grad():
        expected = train.get_parsed_content("inferer")(sample["image"].as_tensor()[None], network)
    np.testing.assert_allclose(list(found["distance"].values()), expected["distance"][0], rtol=1e-4)
    probability = expected["logits"].softmax(1)[0]
    np.testing.assert_allclose(list(found["probability"].values()), probability, rtol=1e-4)


def test_map_of_a_class_that_is_asked_for(tmp_path: Path) -> None:
    case = write_case(tmp_path / "p", (30, 28, 20), np.diag([6.0, 6, 6, 1]), names=["flair"]) / "flair.nii.gz"
    maps = []
    for target in (0, 1):
        output = classify(tmp_path / str(target), case, **{"displayable_configs#target": target}) / "flair"
        maps.append(nib.load(output / "map.nii.gz").get_fdata())
        assert scores(output)["map"]["class"] == ("healthy", "diseased")[target]
    assert np.abs(maps[0] - maps[1]).max() > 0 and max(m.max() for m in maps) > 0


def test_batch_continues_with_what_can_be_used(tmp_path: Path) -> None:
    """An empty volume, NaN, a slice in place of a volume, a file that is none, and one of another contrast."""
    inputs = tmp_path / "in"
    for i in range(5):
        write_case(inputs / f"p{i}", (30, 28, 20), names=["flair"] if i else ["t1"])
    image = nib.load(inputs / "p1" / "flair.nii.gz")
    values = image.get_fdata(dtype=np.float32)
    nib.save(nib.Nifti1Image(0 * values, image.affine), inputs / "p1" / "flair.nii.gz")
    nib.save(nib.Nifti1Image(np.where(values > 0, values, np.nan), image.affine), inputs / "p2" / "flair.nii.gz")
    nib.save(nib.Nifti1Image(values[..., 9], image.affine), inputs / "p3" / "flair.nii.gz")
    (inputs / "p5").mkdir()
    (inputs / "p5" / "flair.nii.gz").write_bytes(b"not an image")
    with pytest.warns(UserWarning, match="1 images left out, masks, other contrasts"):
        output = classify(tmp_path, inputs)
    assert {p.name for p in output.iterdir()} == {"p4_flair", "left_out.json", "index.html"}
    left_out = {e["case"]: e["reason"] for e in json.loads((output / "left_out.json").read_text(encoding="utf-8"))}
    words = {"p1": "only the value 0", "p2": "that are NaN", "p3": "3 spatial axes", "p5": "compressed by gzip"}
    assert set(left_out) == {f"{case}_flair" for case in words}
    for case, word in words.items():
        assert f"{case}/flair.nii.gz: expected" in left_out[f"{case}_flair"] and word in left_out[f"{case}_flair"]


def test_raw_scan_is_preprocessed_and_the_map_comes_back(tmp_path: Path) -> None:
    person = make_subject(3, "A", "ms", spacing=4.0)
    turn = np.array([[0, -1, 0, 30], [0.98, 0, 0.17, -20], [-0.17, 0, 0.98, 10], [0, 0, 0, 1]])
    (tmp_path / "p").mkdir()
    nib.save(nib.Nifti1Image(person.image[3], turn @ person.affine), tmp_path / "p" / "flair.nii.gz")
    raw = {"spacing": 6.0, "spatial_size": [28, 34, 28], "steps": ["register", "strip"]}
    options = {f"preprocessing#transforms#0#{k}": v for k, v in raw.items()}
    output = classify(tmp_path, tmp_path / "p" / "flair.nii.gz", raw=True, **options) / "flair"
    source, written = (nib.load(f) for f in (tmp_path / "p" / "flair.nii.gz", output / "map.nii.gz"))
    assert written.shape == source.shape
    np.testing.assert_allclose(written.affine, source.affine, atol=1e-4)
    report = json.loads((output / "preprocessing.json").read_text(encoding="utf-8"))
    assert report["registration"]["overlap"] > 0.85


def test_postprocessing_leaves_what_monai_label_writes(tmp_path: Path) -> None:
    """Its app resizes `pred` to the grid of `image`, unless there is none; and wants a MetaTensor of scores."""
    parser = merged(BUNDLE, "inference")
    parser.update({**TINY, "device": "$torch.device('cpu')"})
    case = write_case(tmp_path / "p", (30, 28, 20), ODD_AFFINE, names=["flair"]) / "flair.nii.gz"
    sample = parser.get_parsed_content("preprocessing")({"image": str(case), "image_path": str(case)})
    network = parser.get_parsed_content("network_def").eval()
    found = parser.get_parsed_content("inferer")(sample["image"][None], network)
    sample["pred"] = {name: value[0] for name, value in found.items()}
    done = parser.get_parsed_content("postprocessing")(sample)
    assert done["pred"].array.shape == (2,) and done["pred"].sum() == pytest.approx(1)
    assert "image" not in done and done["map"].shape == (1, 30, 28, 20)


@pytest.mark.parametrize(("name", "found"), [("flair", "only the value 0"), ("t2", "found t2 by its name")])
def test_single_input_that_cannot_be_used_is_an_error(tmp_path: Path, name: str, found: str) -> None:
    file = write_case(tmp_path / "p", names=[name]) / f"{name}.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((30, 28, 20), dtype=np.float32), np.eye(4)), file)
    with pytest.raises(RuntimeError) as caught:  # of monai.bundle, which evaluates the expression that runs
        classify(tmp_path, file)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, DataError):
        error = error.__cause__
    assert f"{name}.nii.gz: expected" in str(error) and found in str(error)
    assert not (tmp_path / "out").exists()
