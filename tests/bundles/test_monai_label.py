# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The bundles in MONAI Label's app ``monaibundle``, through the REST API.

MONAI Label needs an environment of its own (NumPy 1.26, older pydicom; docs/how-to/monai-label.md): ``.label`` in the
repository, or another whose interpreter ``MONAI_ANOMALY_LABEL_PYTHON`` names; without it the tests skip.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.apps.zoo.tiny_networks import TINY_SAMPLING

from .test_shown_results import MASKS, SHOWN
from .tiny_data import MODALITIES, write_picture
from .workflow import REPOSITORY, copy_bundle, write_random_weights
from .workflow import infer as infer_files

LABELS = {
    "descargan": {"anomaly": 1},
    "diffanomaly": {"anomaly": 1},
    "diffseg": {"lesion": 1},
    "difftranslation": {"change": 1},
    "l2i_classification": {"healthy": 0, "diseased": 1},
}
OPTIONS = {
    "descargan": {"target", "statistics"},
    "diffanomaly": {"scale", "steps"},
    "diffseg": {"num_samples", "steps", "solver", "keep_samples"},
    "difftranslation": {"factor", "target_size", "scale", "steps"},
    "l2i_classification": {"target", "layer", "weights"},
}
CLASSIFIER = "l2i_classification"
IMAGES = {"descargan": "one", "diffanomaly": "all", "diffseg": "all", "difftranslation": "all"}
MAPS = {"descargan": "map", "diffanomaly": "map", "diffseg": "mean", "difftranslation": "map"}
THRESHOLDS = {"descargan": 0.25, "diffanomaly": 0.25, "diffseg": 0.5, "difftranslation": 0.2}
"""That of the file ``threshold.json``, and that of the configuration."""
RANGES = {"mean": (0, 1), "variance": (0, 1), "entropy": (0, 1), "map": (0, np.inf), "mask": (0, 1), "changed": (0, 1)}
each_bundle = pytest.mark.parametrize("bundle", sorted(set(LABELS) - {CLASSIFIER}))
AFFINE = np.array([[0, -4.0, 0, 60], [-4.0, 0, 0, 70], [0, 0, 5.0, -40], [0, 0, 0, 1]])  # not RAS
SHAPE = (47, 41, 5)


@pytest.fixture(scope="module")
def client() -> Any:
    """The tool that starts a server and asks it."""
    spec = importlib.util.spec_from_file_location("label_client", REPOSITORY / "tools" / "label_client.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["label_client"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.label_python() is None:
        pytest.skip("needs MONAI Label in an environment of its own, .label or named in MONAI_ANOMALY_LABEL_PYTHON")
    return module


@pytest.fixture(scope="module")
def server(client, tmp_path_factory) -> Iterator[Any]:
    """A server with the bundles, untrained, and a case in three ways: all channels, a file per channel, one channel."""
    work = tmp_path_factory.mktemp("label")
    bundles = [copy_bundle(bundle, work / "bundles") for bundle in LABELS]
    for copy in bundles:
        write_random_weights(copy, copy / "models" / "model.pt")
        if copy.name in ("descargan", "diffanomaly", "diffseg"):
            threshold = {"value": THRESHOLDS[copy.name], "origin": "validation"}
            (copy / "models" / "threshold.json").write_text(json.dumps(threshold))
    studies = work / "studies"
    studies.mkdir()
    rng = np.random.default_rng(0)
    brain = np.zeros((*SHAPE, len(MODALITIES)), dtype=np.float32)
    brain[8:40, 6:36, 1:4] = 100 + 20 * rng.random((32, 30, 3, len(MODALITIES)))
    save(brain, studies / "all.nii.gz")
    for c, name in enumerate(MODALITIES):
        save(brain[..., c], studies / f"case_{name}.nii.gz")
    save(500 * brain[..., 0], studies / "one.nii.gz")
    save(brain[..., 0], studies / "part_t1.nii.gz")
    (studies / "damaged.nii.gz").write_bytes((studies / "one.nii.gz").read_bytes()[:2000])
    write_picture(studies / "picture.png", (64, 40))
    with client.LabelServer(client.label_python(), work, studies, bundles) as started:
        yield started


def save(values: np.ndarray, path: Path) -> None:
    nib.save(nib.Nifti1Image(values, AFFINE), path)


def infer(server: Any, bundle: str, image: str = "", output: str = "image", **params: Any) -> Any:
    """The answer, which must be a good one."""
    tiny = {name.split("#")[1]: value for name, value in TINY_SAMPLING.get(bundle, {}).items()}
    answer = server.ask(bundle, image, output, **{**tiny, **params})
    if answer.status != 200:
        pytest.fail(f"{answer.content.decode()}\n{server.log[-3000:]}")
    return answer


def values(*args: Any, **params: Any) -> np.ndarray:
    return infer(*args, **params).image.get_fdata()


def written_files(server: Any, bundle: str, image: str, out: Path, suffix: str = ".nii.gz", **options: Any) -> Path:
    """The folder of an inference without MONAI Label, with the weights and the threshold that the server has."""
    folder = server.work / "app" / "model" / bundle
    source = str(server.studies / f"{image}{suffix}")
    infer_files(folder, out, dataset_dir=source, ckpt_dir=str(folder / "models"), report=False, **options)
    return out / image


def test_the_server_runs_this_package(client, server) -> None:
    """And not one that is installed in its environment."""
    code = "import monai_anomaly; print(monai_anomaly.__file__)"
    found = subprocess.check_output([client.label_python(), "-c", code], env=server.environment, text=True)
    assert Path(found.strip()).is_relative_to(REPOSITORY)


@pytest.mark.parametrize("bundle", sorted(LABELS))
def test_model_is_listed(server, bundle) -> None:
    info = server.info()
    model = info["models"][bundle]
    kind, dimension = ("classification", 3) if bundle == CLASSIFIER else ("segmentation", 2)
    assert model["type"] == kind and model["labels"] == LABELS[bundle] and model["dimension"] == dimension
    assert OPTIONS[bundle] | (set() if bundle == CLASSIFIER else {"threshold", "shown"}) <= set(model["config"])
    assert not info["trainers"]


@each_bundle
def test_every_result_is_that_of_the_command_line_on_the_grid_of_the_image(server, bundle, tmp_path) -> None:
    """By default the mask, as whole numbers; by ``shown`` any other, as float."""
    image = IMAGES[bundle]
    written = written_files(server, bundle, image, tmp_path, **TINY_SAMPLING.get(bundle, {}))
    for number, shown in enumerate(s for s in SHOWN[bundle] if not s.endswith((":t1", ":t1ce"))):
        found = infer(server, bundle, image, **({"shown": shown} if number else {})).image
        name, _, channel = shown.partition(":")
        assert found.shape == SHAPE and found.get_data_dtype() == (np.uint8 if name in MASKS else np.float32)
        np.testing.assert_allclose(found.affine, AFFINE, atol=1e-4)
        expected = nib.load(written / f"{name}.nii.gz").get_fdata()
        expected = expected[..., MODALITIES.index(channel)] if channel else expected
        np.testing.assert_allclose(found.get_fdata(), expected, atol=1e-4, err_msg=shown)
        low, high = RANGES.get(name, (-np.inf, np.inf))
        assert low <= found.get_fdata().min() < found.get_fdata().max() <= high + 1e-6, shown


@each_bundle
def test_the_mask_is_the_map_above_the_threshold(server, bundle) -> None:
    mask, score = values(server, bundle, IMAGES[bundle]), values(server, bundle, IMAGES[bundle], shown=MAPS[bundle])
    np.testing.assert_array_equal(mask, score > THRESHOLDS[bundle])
    assert 0 < mask.sum() < mask.size


@each_bundle
def test_options_of_a_request_count_for_it_alone(server, bundle) -> None:
    first = values(server, bundle, IMAGES[bundle])
    highest = 1 - 1e-9 if bundle == "diffseg" else 1e6  # of a probability, or of a difference
    assert not values(server, bundle, IMAGES[bundle], threshold=highest).any()
    np.testing.assert_array_equal(values(server, bundle, IMAGES[bundle]), first)


@pytest.mark.parametrize("bundle", ["diffanomaly", "diffseg", "difftranslation"])
def test_one_channel_of_a_case_stands_for_all(server, bundle) -> None:
    expected = values(server, bundle, "all", shown=MAPS[bundle])
    np.testing.assert_array_equal(values(server, bundle, "case_flair", shown=MAPS[bundle]), expected)


def test_an_uploaded_image(server) -> None:
    expected = values(server, "descargan", "one", shown="map")
    file = server.studies / "one.nii.gz"
    np.testing.assert_array_equal(values(server, "descargan", file=file, shown="map"), expected)


def test_a_picture_is_answered_as_nifti(server, tmp_path) -> None:
    """MONAI Label gives a result in 2D an axis of one before the others."""
    expected = nib.load(written_files(server, "descargan", "picture", tmp_path, ".png") / "map.nii.gz").get_fdata()
    found = values(server, "descargan", "picture", shown="map", result_extension=".nii.gz")
    np.testing.assert_allclose(found, expected[None], atol=1e-4)


@each_bundle
def test_slicer_gets_a_labelmap(server, bundle) -> None:
    answer = infer(server, bundle, IMAGES[bundle], result_extension=".nrrd", result_dtype="uint8")
    assert answer.content[:4] == b"NRRD"


def test_a_classifier_answers_with_a_score_of_each_class(server, tmp_path) -> None:
    """Those of the command line; the volume is taken whole, however few slices it has."""
    found = infer(server, CLASSIFIER, "one", output="json").json["prediction"]
    assert [(entry["idx"], entry["label"]) for entry in found] == [(0, "healthy"), (1, "diseased")]
    written = json.loads((written_files(server, CLASSIFIER, "one", tmp_path) / "scores.json").read_text("utf-8"))
    assert {entry["label"]: entry["score"] for entry in found} == pytest.approx(written["probability"], abs=1e-5)


def test_a_classifier_looks_for_the_class_that_is_asked_for(server) -> None:
    """The map is not answered, but is made: an unknown class is an error, another one changes no score."""
    first = infer(server, CLASSIFIER, "one", output="json").json["prediction"]
    assert infer(server, CLASSIFIER, "one", output="json", target=0).json["prediction"] == first


@pytest.mark.parametrize(
    ("bundle", "image", "params", "status", "reason"),
    [
        ("descargan", "one", {"shown": "heatmap"}, 422, "expected one of mask, map, reconstruction, difference; found"),
        ("descargan", "one", {"threshold": "high"}, 500, "threshold must be a number, 'auto' or 'otsu', got 'high'"),
        ("descargan", "damaged", {}, 422, "damaged.nii.gz: expected a readable image, found "),
        ("descargan", "nobody", {}, 422, "expected the path of an image, found an empty one: is there an image of"),
        ("diffanomaly", "part_t1", {}, 422, "expected files beside it for each of"),
        ("diffanomaly", "one", {}, 422, "one.nii.gz: expected 4 channel(s), found 1"),
        (CLASSIFIER, "one", {"target": 7}, 422, "expected the class 7 among those of the classifier, found 0..1"),
        ("diffanomally", "one", {}, 422, "There is no model 'diffanomally' available"),
    ],
)
def test_a_client_is_told_the_reason_in_one_line(server, bundle, image, params, status, reason) -> None:
    answer = server.ask(bundle, image, **params)
    print(answer.status, answer.json)
    assert answer.status == status and reason in answer.json["detail"] and "\n" not in answer.json["detail"]
    assert infer(server, "descargan", "one", views=1).status == 200  # the server goes on, and forgets the options
