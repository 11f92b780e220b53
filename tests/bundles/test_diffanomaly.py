# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The bundle as its users meet it: checked, trained, resumed, evaluated, loaded, exported, and applied to an image."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, load, verify_net_in_out

from monai_anomaly.apps.counting import CountCalls
from monai_anomaly.data import write_phantom

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLE = REPOSITORY / "bundles" / "diffanomaly"
SUBJECTS = 10
TINY = {
    "phantom": {"subjects": SUBJECTS, "spacing": 6.0, "healthy_fraction": 0.0, "workers": 0},
    "spatial_size": [32, 40],
    "pixdim": [6.0, 6.0, -1.0],
    "slice_range": [8, 20],
    "epochs": 1,
    "batch_size": 8,
    "min_lesion_pixels": 2,
    "translation#steps": 3,
    "translation#substeps": 2,
    "panel_interval": 1,
    "validation_step": 2,
    "test_step": 4,
    "autocast": "float32",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "phantom"
    write_phantom(folder, progress=False, **TINY["phantom"])
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, data) -> Path:
    """A copy of the bundle, trained in it for one tiny epoch from inside its folder."""
    folder = tmp_path_factory.mktemp("bundle") / "diffanomaly"
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns("models", "eval", "data"))
    run("training", "--config_file", "configs/train.json", cwd=folder, overrides={**TINY, "dataset_dir": str(data)})
    return folder


def run(*arguments: str, cwd: Path, overrides: dict, launcher: tuple[str, ...] = ("-m",)) -> str:
    options = [word for key, value in overrides.items() for word in (f"--{key}", str(value))]
    command = [sys.executable, *launcher, "monai.bundle", "run", *arguments, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def test_metadata_follows_the_schema(shared) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(shared("zoo/meta_schema_20240725.json").read_text())
    metadata = json.loads((BUNDLE / "configs" / "metadata.json").read_text())
    jsonschema.validate(metadata, schema)
    assert metadata["version"] in metadata["changelog"]


@pytest.mark.parametrize(("kind", "config"), [("train", "train.json"), ("infer", "inference.json")])
def test_properties(kind, config, data, tmp_path) -> None:
    overrides = {**TINY, "dataset_dir": str(data)} if kind == "train" else {"dataset_dir": str(data / "datalist.json")}
    overrides.update(ckpt_dir=str(tmp_path), output_dir=str(tmp_path))
    workflow = ConfigWorkflow(
        config_file=str(BUNDLE / "configs" / config),
        meta_file=str(BUNDLE / "configs" / "metadata.json"),
        logging_file=str(BUNDLE / "configs" / "logging.conf"),
        workflow_type=kind,
        **overrides,
    )
    workflow.initialize()
    assert not workflow.check_properties()


def test_one_network_serves_training_and_inference() -> None:
    train, inference = (json.loads((BUNDLE / "configs" / f"{n}.json").read_text()) for n in ("train", "inference"))
    for name in ("network_def", "channel_names", "spatial_size", "pixdim", "null_label", "num_classes"):
        assert train[name] == inference[name], name
    shown = inference["displayable_configs"]
    assert {k: train["translation"][k] for k in ("level", "steps", "scale", "order", "exact", "substeps")} == {
        k: shown[k] for k in ("level", "steps", "scale", "order", "exact", "substeps")
    }


@pytest.mark.parametrize(("overlay", "denoiser", "guide"), [(None, 34, 24), ("long", 56, 40)])
def test_evaluations_a_slice_are_those_the_documentation_names(overlay: str | None, denoiser: int, guide: int) -> None:
    parser = ConfigParser()
    parser.read_config([BUNDLE / "configs" / f"{name}.json" for name in ("train", overlay) if name])
    parser["translation#resampling"] = None
    network = parser.get_parsed_content("network_def").eval()
    image = torch.rand(1, 4, 16, 16)
    with CountCalls(network.diffusion) as diffusion, CountCalls(network.classifier) as classifier:
        parser.get_parsed_content("translation")(image, network)
    assert (diffusion.samples, classifier.samples) == (denoiser, guide)


def test_network_matches_the_metadata() -> None:
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(BUNDLE / "configs" / "metadata.json"),
        config_file=str(BUNDLE / "configs" / "inference.json"),
        device="cpu",
    )


def test_training_leaves_everything(bundle) -> None:
    report = json.loads((bundle / "eval" / "metrics.json").read_text())
    assert {"translation", "intensity flair", "distance to mean healthy"} <= set(report["methods"])
    assert {"models/model.pt", "models/training_state.pt", "models/threshold.json", "eval/panel.png"} <= {
        p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if p.is_file()
    }
    assert list((bundle / "eval" / "tensorboard").glob("events*"))
    state = torch.load(bundle / "models" / "model.pt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in state.values())


def test_finished_training_is_not_repeated(bundle, data) -> None:
    before = (bundle / "models" / "model.pt").stat().st_mtime_ns
    config = "['configs/train.json','configs/evaluate.json']"
    run("--config_file", config, cwd=bundle, overrides={**TINY, "dataset_dir": str(data)})
    assert (bundle / "models" / "model.pt").stat().st_mtime_ns == before


def test_training_from_the_repository_root(data, tmp_path) -> None:
    overrides = {**TINY, "dataset_dir": str(data), "ckpt_dir": str(tmp_path / "m"), "output_dir": str(tmp_path / "e")}
    config = "bundles/diffanomaly/configs/train.json"
    run(
        "training", "--config_file", config, cwd=REPOSITORY, overrides={**overrides, "run": "['$@train#trainer.run()']"}
    )
    assert (tmp_path / "m" / "model.pt").exists()


def test_two_processes(data, tmp_path) -> None:
    overrides = {**TINY, "dataset_dir": str(data), "ckpt_dir": str(tmp_path / "m"), "output_dir": str(tmp_path / "e")}
    files = [str(BUNDLE / "configs" / n) for n in ("train.json", "multi_gpu_train.json")]
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m")
    run("training", "--config_file", str(files), cwd=REPOSITORY, overrides=overrides, launcher=launcher)
    assert (tmp_path / "m" / "model.pt").exists()


def test_inference_returns_to_the_scanner(bundle, tmp_path) -> None:
    """A volume of another orientation, spacing and size: map and mask lie on its own grid."""
    rng = np.random.default_rng(0)
    affine = np.array([[0, -4.0, 0, 60], [-4.0, 0, 0, 70], [0.3, 0, 5.0, -40], [0, 0, 0, 1]])
    brain = np.zeros((47, 41, 9))
    brain[8:40, 6:36, 1:8] = 1
    for name in ("t1", "t1ce", "t2", "flair"):
        image = brain * (100 + 20 * rng.random(brain.shape))
        nib.save(nib.Nifti1Image(image.astype(np.float32), affine), tmp_path / f"case_{name}.nii.gz")
    options = {"spatial_size": [32, 40], "pixdim": [6.0, 6.0, -1.0], "dataset_dir": str(tmp_path)}
    options.update({"displayable_configs#scale": [1.0, 5.0], "displayable_configs#steps": 2})
    run("--config_file", "configs/inference.json", cwd=bundle, overrides={**options, "output_dir": str(tmp_path / "o")})
    (case,) = (tmp_path / "o").iterdir()
    for name in ("map", "map_1", "healthy", "mask"):
        written = nib.load(case / f"{name}.nii.gz")
        assert written.shape[:3] == brain.shape
        np.testing.assert_allclose(written.affine, affine, atol=1e-4)
    scores = json.loads((case / "scores.json").read_text())
    assert scores["threshold"]["origin"] == "validation"
    assert (case / "figure.png").stat().st_size > 10_000


def test_load_gives_the_trained_network(bundle) -> None:
    network = load(name="diffanomaly", bundle_dir=str(bundle.parent), source="monaihosting", workflow_type="inference")
    state = torch.load(bundle / "models" / "model.pt", weights_only=True)
    torch.testing.assert_close(dict(network.state_dict()), state)


def test_traced_export(bundle, tmp_path) -> None:
    out = tmp_path / "model.ts"
    ckpt_export(
        net_id="network_def",
        filepath=str(out),
        ckpt_file=str(bundle / "models" / "model.pt"),
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(bundle / "configs" / "inference.json"),
        key_in_ckpt="",
        use_trace=True,
        input_shape=[1, 4, 56, 64],
    )
    image = torch.rand(1, 4, 56, 64)
    assert torch.jit.load(str(out))(image).shape == (1, 1, 56, 64)
