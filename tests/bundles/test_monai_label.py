# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The bundles in MONAI Label's app ``monaibundle``, through the REST API.

MONAI Label needs an environment of its own (NumPy 1.26, older pydicom; docs/how-to/monai-label.md). Name its
interpreter in ``MONAI_ANOMALY_LABEL_PYTHON``; without it the test skips.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from .tiny_data import MODALITIES
from .tiny_network import TINY_SAMPLING
from .workflow import REPOSITORY, copy_bundle, run, write_random_weights

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
each_bundle = pytest.mark.parametrize("bundle", sorted(set(LABELS) - {CLASSIFIER}))
AFFINE = np.array([[0, -4.0, 0, 60], [-4.0, 0, 0, 70], [0, 0, 5.0, -40], [0, 0, 0, 1]])  # not RAS
SHAPE = (47, 41, 5)
START = """
import torch
library = torch.library.Library("torchvision", "DEF")
try:  # the torchvision of PyPI does not fit a CPU build of torch; none of its operators is needed
    import torchvision
except RuntimeError:
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from monailabel.main import Main
Main().run()
"""


@pytest.fixture(scope="module")
def python() -> str:
    interpreter = os.environ.get("MONAI_ANOMALY_LABEL_PYTHON")
    if not interpreter or not Path(interpreter).exists():
        pytest.skip("needs MONAI Label in an environment of its own, named in MONAI_ANOMALY_LABEL_PYTHON")
    return interpreter


@pytest.fixture(scope="module")
def server(python, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A server with the bundles, untrained, and a case in three ways: all channels, a file per channel, one channel."""
    work = tmp_path_factory.mktemp("label")
    prefix = subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True).strip()
    app = Path(prefix) / "monailabel" / "sample-apps" / "monaibundle"
    shutil.copytree(app, work / "app", ignore=shutil.ignore_patterns("model"))
    (work / "app" / "model").mkdir()
    for bundle in LABELS:
        copy = copy_bundle(bundle, work / "app" / "model")
        write_random_weights(copy, copy / "models" / "model.pt")
    for bundle in ("descargan", "diffanomaly", "diffseg"):
        threshold = {"value": THRESHOLDS[bundle], "origin": "validation"}
        (work / "app" / "model" / bundle / "models" / "threshold.json").write_text(json.dumps(threshold))

    (work / "studies").mkdir()
    rng = np.random.default_rng(0)
    brain = np.zeros((*SHAPE, len(MODALITIES)), dtype=np.float32)
    brain[8:40, 6:36, 1:4] = 100 + 20 * rng.random((32, 30, 3, len(MODALITIES)))
    nib.save(nib.Nifti1Image(brain, AFFINE), work / "studies" / "all.nii.gz")
    for c, name in enumerate(MODALITIES):
        nib.save(nib.Nifti1Image(brain[..., c], AFFINE), work / "studies" / f"case_{name}.nii.gz")

    nib.save(nib.Nifti1Image(500 * brain[..., 0], AFFINE), work / "studies" / "one.nii.gz")

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [python, "-c", START, "start_server", "--app", "app", "--studies", "studies"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--conf", "models", ",".join(LABELS)]
    command += ["--conf", "zoo_source", "local", "--conf", "sam2", "false", "--conf", "skip_trainers", "true"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    environment.update(MONAI_LABEL_SESSIONS="false", MONAI_LABEL_DATASTORE_AUTO_RELOAD="false")
    with open(work / "server.log", "w") as log:
        process = subprocess.Popen(command, cwd=work, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(180):
            assert process.poll() is None, (work / "server.log").read_text(encoding="utf-8")[-3000:]
            try:
                get(f"{url}/info/")
                break
            except urllib.error.URLError:
                time.sleep(1)
        yield url, work
    finally:
        process.terminate()
        process.wait(30)


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def infer(server: tuple[str, Path], bundle: str, image: str, output: str = "image", **params) -> bytes:
    url, work = server
    tiny = {name.split("#")[1]: value for name, value in TINY_SAMPLING.get(bundle, {}).items()}
    form = urllib.parse.urlencode({"params": json.dumps({"device": "cpu", **tiny, **params})})
    try:
        request = f"{url}/infer/{bundle}?image={image}&output={output}"
        with urllib.request.urlopen(request, form.encode(), 300) as answer:
            return answer.read()
    except urllib.error.HTTPError:
        pytest.fail((work / "server.log").read_text(encoding="utf-8")[-3000:])


def as_image(content: bytes) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(content))


@pytest.mark.parametrize("bundle", sorted(LABELS))
def test_model_is_listed(server, bundle) -> None:
    info = get(f"{server[0]}/info/")
    model = info["models"][bundle]
    kind, dimension = ("classification", 3) if bundle == CLASSIFIER else ("segmentation", 2)
    assert model["type"] == kind and model["labels"] == LABELS[bundle] and model["dimension"] == dimension
    assert OPTIONS[bundle] | (set() if bundle == CLASSIFIER else {"threshold", "shown"}) <= set(model["config"])
    assert not info["trainers"]


@each_bundle
def test_mask_and_map_lie_on_the_grid_of_the_image(server, bundle) -> None:
    mask, score = (
        as_image(infer(server, bundle, IMAGES[bundle])),
        as_image(infer(server, bundle, IMAGES[bundle], shown=MAPS[bundle])),
    )
    for image, dtype in ((mask, np.uint8), (score, np.float32)):
        assert image.shape == SHAPE and image.get_data_dtype() == dtype
        np.testing.assert_allclose(image.affine, AFFINE, atol=1e-4)
    np.testing.assert_array_equal(mask.get_fdata(), score.get_fdata() > THRESHOLDS[bundle])
    assert 0 < mask.get_fdata().sum() < mask.get_fdata().size


@each_bundle
def test_options_of_a_request_count_for_it_alone(server, bundle) -> None:
    first = infer(server, bundle, IMAGES[bundle])
    highest = 1 - 1e-9 if bundle == "diffseg" else 1e6  # of a probability, or of a difference
    none = as_image(infer(server, bundle, IMAGES[bundle], threshold=highest))
    assert not none.get_fdata().any()
    np.testing.assert_array_equal(
        as_image(infer(server, bundle, IMAGES[bundle])).get_fdata(), as_image(first).get_fdata()
    )


@pytest.mark.parametrize("bundle", ["diffanomaly", "diffseg", "difftranslation"])
def test_one_channel_of_a_case_stands_for_all(server, bundle) -> None:
    expected = as_image(infer(server, bundle, "all", shown=MAPS[bundle])).get_fdata()
    found = as_image(infer(server, bundle, "case_flair", shown=MAPS[bundle])).get_fdata()
    np.testing.assert_array_equal(found, expected)


@each_bundle
def test_slicer_gets_a_labelmap(server, bundle) -> None:
    assert infer(server, bundle, IMAGES[bundle], result_extension=".nrrd", result_dtype="uint8")[:4] == b"NRRD"


@each_bundle
def test_same_as_the_command_line(server, bundle, tmp_path) -> None:
    work = server[1]
    image = IMAGES[bundle]
    options = {"dataset_dir": work / "studies" / f"{image}.nii.gz", "output_dir": tmp_path}
    options |= TINY_SAMPLING.get(bundle, {})
    run("--config_file", "configs/inference.json", cwd=work / "app" / "model" / bundle, overrides=options)
    written = nib.load(tmp_path / image / f"{MAPS[bundle]}.nii.gz").get_fdata()
    found = as_image(infer(server, bundle, image, shown=MAPS[bundle])).get_fdata()
    np.testing.assert_allclose(found, written, atol=1e-4)


def test_a_classifier_answers_with_a_score_of_each_class(server, tmp_path) -> None:
    """Those of the command line; the volume is taken whole, however few slices it has."""
    work = server[1]
    answer = json.loads(infer(server, CLASSIFIER, "one", output="json"))
    found = answer["prediction"]
    assert [(entry["idx"], entry["label"]) for entry in found] == [(0, "healthy"), (1, "diseased")]
    options = {"dataset_dir": work / "studies" / "one.nii.gz", "output_dir": tmp_path}
    run("--config_file", "configs/inference.json", cwd=work / "app" / "model" / CLASSIFIER, overrides=options)
    written = json.loads((tmp_path / "one" / "scores.json").read_text(encoding="utf-8"))
    assert {entry["label"]: entry["score"] for entry in found} == pytest.approx(written["probability"], abs=1e-5)


def test_a_classifier_looks_for_the_class_that_is_asked_for(server) -> None:
    """The map is not answered, but is made: an unknown class is an error, another one changes no score."""
    first = json.loads(infer(server, CLASSIFIER, "one", output="json"))["prediction"]
    assert json.loads(infer(server, CLASSIFIER, "one", output="json", target=0))["prediction"] == first
