# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Bundles in applications of MONAI Deploy's App SDK, which run here without a GPU.

The SDK needs an environment of its own (docs/how-to/monai-deploy.md). Name its interpreter in
``MONAI_ANOMALY_DEPLOY_PYTHON``: it runs this file then; without it the tests skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from monai.utils import OptionalImportError

from monai_anomaly.apps.deploy_operator import AnomalyBundleOperator
from monai_anomaly.apps.predict import predict
from monai_anomaly.apps.zoo.tiny_networks import TINY_SAMPLING
from monai_anomaly.utils import DataError
from tests.bundles.tiny_data import MODALITIES, ODD_AFFINE, write_case
from tests.bundles.workflow import REPOSITORY

from .dicom_study import write_study

HAS_SDK = find_spec("monai.deploy") is not None
needs_sdk = pytest.mark.skipif(not HAS_SDK, reason="needs monai-deploy-app-sdk")
CPU = {"device": "$torch.device('cpu')"}


@pytest.mark.skipif(HAS_SDK, reason="the SDK is here")
def test_in_the_environment_of_the_sdk() -> None:
    python = os.environ.get("MONAI_ANOMALY_DEPLOY_PYTHON")
    if not python or not Path(python).exists():
        pytest.skip("needs MONAI Deploy in an environment of its own, named in MONAI_ANOMALY_DEPLOY_PYTHON")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout[-6000:]


@pytest.mark.skipif(HAS_SDK, reason="the SDK is here")
def test_without_the_sdk_it_says_what_is_missing() -> None:
    with pytest.raises(OptionalImportError, match="MonaiBundleInferenceOperator"):
        AnomalyBundleOperator(None)


def run(images: dict[str, Any], outputs: list[str], **options: Any) -> dict[str, Any]:
    """What an application receives from the operator, which gets the images in memory."""
    from monai.deploy.conditions import CountCondition
    from monai.deploy.core import Application, Image, IOType, Operator
    from monai.deploy.operators import IOMapping

    found = {}

    class Source(Operator):
        def setup(self, spec):
            for name in images:
                spec.output(name)

        def compute(self, op_input, op_output, context):
            for name, image in images.items():
                op_output.emit(image, name)

    class Sink(Operator):
        def setup(self, spec):
            for name in outputs:
                spec.input(name)

        def compute(self, op_input, op_output, context):
            found.update({name: op_input.receive(name) for name in outputs})

    class Tiny(Application):
        def compose(self):
            source, sink = Source(self, CountCondition(self, 1), name="source"), Sink(self, name="sink")
            mappings = ([IOMapping(n, Image, IOType.IN_MEMORY) for n in names] for names in (images, outputs))
            names = dict(zip(("input_mapping", "output_mapping"), mappings, strict=True))
            context = Application.init_app_context(["app.py"])
            find = AnomalyBundleOperator(self, app_context=context, name="find", **names, **options)
            self.add_flow(source, find, {(name, name) for name in images})
            self.add_flow(find, sink, {(name, name) for name in outputs})

    Tiny().run()
    return found


def as_of_dicom(path: Path) -> Any:
    """An image as ``DICOMSeriesToVolumeOperator`` gives it: (D, H, W), of one channel."""
    from monai.deploy.core import Image

    image = nib.load(path)
    spacing = dict(zip(("col", "row", "depth"), map(float, image.header.get_zooms()), strict=True))
    about = {f"{axis}_pixel_spacing": size for axis, size in spacing.items()}
    values = image.get_fdata().astype(np.int16).swapaxes(0, 2)
    return Image(values, {**about, "nifti_affine_transform": image.affine, "PatientID": "17"})


def whole_numbers(folder: Path, names: tuple[str, ...], shape: tuple[int, ...]) -> Path:
    """A case of whole numbers, as DICOM has them, in a grid that is not RAS."""
    write_case(folder, shape, ODD_AFFINE, names)
    for path in folder.iterdir():
        values = nib.load(path).get_fdata().astype(np.int16)
        nib.save(nib.Nifti1Image(values, ODD_AFFINE), path)
    return folder


@needs_sdk
@pytest.mark.parametrize(
    ("bundle", "names", "outputs"),
    [
        ("descargan", ("image",), {"pred": "mask", "map": "map", "difference": "difference"}),
        ("diffseg", MODALITIES, {"pred": "mask", "mean": "mean"}),
        ("diffanomaly", MODALITIES, {"pred": "mask", "map": "map", "reconstruction": "reconstruction"}),
    ],
)
def test_results_are_those_of_the_command_line(
    bundle: str, names: tuple[str, ...], outputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the input's grid, float maps as floats; weights and threshold are found from any working folder."""
    case = whole_numbers(tmp_path / "case", names, (48, 40, 3))
    tiny = {**CPU, **TINY_SAMPLING.get(bundle, {})}
    if bundle != "descargan":  # its threshold.json, above this map; Otsu's threshold would not be
        tiny["displayable_configs#threshold"] = 0.01
    predict(bundle, case if len(names) > 1 else case / "image.nii.gz", tmp_path / "there", report=False, **tiny)
    images = {name: as_of_dicom(case / f"{name}.nii.gz") for name in reversed(names)}
    monkeypatch.chdir(tmp_path)
    found = run(images, list(outputs), bundle_path=REPOSITORY / "bundles" / bundle, settings=tiny)
    for label, name in outputs.items():
        there = nib.load(next((tmp_path / "there").glob(f"*/{name}.nii.gz")))
        here, about = found[label].asnumpy(), found[label].metadata()
        assert here.dtype == (np.uint8 if label == "pred" else np.float32)
        np.testing.assert_allclose(here.swapaxes(0, 2), np.asanyarray(there.dataobj), atol=1e-5)
        np.testing.assert_allclose(about["affine"], there.affine, atol=1e-4)
        assert about["PatientID"] == "17"
        assert here.any() or (bundle, label) == ("descargan", "pred")


@needs_sdk
def test_contrasts_on_another_grid_are_brought_to_that_of_the_first(tmp_path: Path) -> None:
    case = whole_numbers(tmp_path / "case", MODALITIES, (48, 40, 3))
    options = {"bundle_path": REPOSITORY / "bundles" / "diffseg", "settings": {**CPU, **TINY_SAMPLING["diffseg"]}}
    expected = run({name: as_of_dicom(case / f"{name}.nii.gz") for name in MODALITIES}, ["mean"], **options)
    image = nib.load(case / "t2.nii.gz")
    moved = ODD_AFFINE @ nib.affines.from_matvec(np.eye(3), [-1, 0, 0])  # one voxel further, and one voxel back
    nib.save(nib.Nifti1Image(np.roll(image.get_fdata(), 1, axis=0).astype(np.int16), moved), case / "t2.nii.gz")
    found = run({name: as_of_dicom(case / f"{name}.nii.gz") for name in MODALITIES}, ["mean"], **options)
    np.testing.assert_allclose(found["mean"].asnumpy(), expected["mean"].asnumpy(), atol=5e-3)
    np.testing.assert_allclose(found["mean"].metadata()["affine"], ODD_AFFINE, atol=1e-4)


@needs_sdk
def test_a_class_with_its_probabilities(tmp_path: Path) -> None:
    """The bundle is also found in a folder that holds it alone, as in a packaged application."""
    case = whole_numbers(tmp_path / "case", ("flair",), (36, 36, 33))
    predict("l2i_classification", case / "flair.nii.gz", tmp_path / "there", report=False, **CPU)
    there = json.loads(next((tmp_path / "there").glob("*/scores.json")).read_text(encoding="utf-8"))
    bundle = REPOSITORY / "bundles" / "l2i_classification"
    shutil.copytree(bundle, tmp_path / "models" / bundle.name, ignore=shutil.ignore_patterns("trained", "eval", "data"))
    images = {"flair": as_of_dicom(case / "flair.nii.gz")}
    pred = run(images, ["pred"], bundle_path=tmp_path / "models", settings=CPU)["pred"]
    assert pred["result"] == there["class"]["name"]
    np.testing.assert_allclose(pred["probabilities"], list(there["probability"].values()), atol=1e-3)


@needs_sdk
def test_application_of_the_page_from_a_study_to_a_segmentation(tmp_path: Path) -> None:
    """The SEG lies in the study's frame of reference, of its patient, and is the mask of the command line."""
    import pydicom

    case = whole_numbers(tmp_path / "case", MODALITIES, (48, 40, 3))
    values = {name: nib.load(case / f"{name}.nii.gz").get_fdata().astype(np.uint16) for name in MODALITIES}
    values["flair"][20:28, 16:24, 1] = 400  # a lesion
    values["t2"][20:28, 16:24, 1] = 400
    affine = np.array([[-4.0, 0, 0, 50], [0, -3.0, 0, 40], [0, 0, 5.0, 20], [0, 0, 0, 1]])  # of LPS, in RAS
    for name, image in values.items():
        nib.save(nib.Nifti1Image(image, affine), case / f"{name}.nii.gz")
    files = {name: case / f"{name}.nii.gz" for name in MODALITIES}
    write_study(tmp_path / "study", files, {name: name for name in MODALITIES})
    predict("diffseg", case, tmp_path / "there", report=False)
    there = np.asanyarray(nib.load(next((tmp_path / "there").glob("*/mask.nii.gz"))).dataobj) > 0
    assert 10 < there.sum() < 200

    page = (REPOSITORY / "docs" / "how-to" / "monai-deploy.md").read_text(encoding="utf-8")
    (tmp_path / "app.py").write_text(page.split("```python\n")[1].split("```")[0], encoding="utf-8")
    command = [sys.executable, "app.py", "-i", "study", "-o", "seg", "-m", str(REPOSITORY / "bundles" / "diffseg")]
    (tmp_path / "seg").mkdir()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    seg = pydicom.dcmread(next((tmp_path / "seg").glob("*.dcm")))
    source = pydicom.dcmread(next((tmp_path / "study").iterdir()))
    assert (seg.PatientID, seg.FrameOfReferenceUID) == ("P7", source.FrameOfReferenceUID)
    here = np.zeros_like(there)
    for frame, about in zip(
        seg.pixel_array.reshape(-1, *there.shape[1::-1]), seg.PerFrameFunctionalGroupsSequence, strict=True
    ):
        height = float(about.PlanePositionSequence[0].ImagePositionPatient[2])
        here[..., round((height - 20) / 5)] = frame.T > 0
    np.testing.assert_array_equal(here, there)


@needs_sdk
def test_what_it_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected the folder of a bundle, or one that holds it, found \d bundles"):
        run({"image": None}, ["pred"], bundle_path=REPOSITORY / "bundles")
    with pytest.raises(DataError, match=r"expected an input called image, or t1, t1ce, t2, flair, found t1, t2"):
        run({"t1": None, "t2": None}, ["pred"], bundle_path=REPOSITORY / "bundles" / "diffseg")
