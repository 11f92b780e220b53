# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Ways to run a bundle in a test: from the command line as its users do, and in this process, which is faster.

A bundle is given by its name or by the folder of a copy; overlays by their names or, elsewhere, by their paths.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, load

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLES = sorted(path.parents[1] for path in (REPOSITORY / "bundles").glob("*/configs/metadata.json"))
GENERATED = ("trained", "models", "eval", "data")
PLANS = ("table", "table_laterality", "table_thesis")
"""Plans of the command ``table``, among the configurations that they name."""
AFTER = {
    "thesis": "published",
    "l2i_guide": "vanilla_guide",
    "two_attributes": "sizes",
    "inference_thesis": "published",
    "chexpert": "thesis",
    "inference_chexpert": "inference_thesis",
}
"""Overlays that go after another one, which they are given with."""
Bundle = str | Path
Config = str | Path


def configs(bundle: Bundle) -> Path:
    return REPOSITORY / "bundles" / bundle / "configs"  # a folder that is absolute already stays what it is


def with_those_before(name: Config) -> list[Config]:
    return [*with_those_before(AFTER[name]), name] if isinstance(name, str) and name in AFTER else [name]


def config_files(bundle: Bundle, *names: Config) -> list[Path]:
    given = [file for name in names for file in with_those_before(name)]
    return [name if isinstance(name, Path) else configs(bundle) / f"{name}.json" for name in given]


def copy_bundle(bundle: Bundle, parent: Path) -> Path:
    """A copy of the bundle, without what it generated, in a folder of its name."""
    copy = parent / Path(bundle).name
    shutil.copytree(configs(bundle).parent, copy, ignore=shutil.ignore_patterns(*GENERATED))
    return copy


def merged(bundle: Bundle, *names: Config) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(config_files(bundle, *names))
    return parser


def run(*arguments: str, cwd: Path, overrides: dict[str, Any], launcher: tuple[str, ...] = ("-m",)) -> str:
    """``python -m monai.bundle run`` in a process of its own, on one thread; what it printed."""
    options = [word for key, value in overrides.items() for word in (f"--{key}", str(value))]
    command = [sys.executable, *launcher, "monai.bundle", "run", *arguments, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def workflow(bundle: Bundle, kind: str, *names: Config, **overrides: Any) -> ConfigWorkflow:
    """An initialized workflow on the CPU; ``kind`` is "train" or "infer"."""
    made = ConfigWorkflow(
        config_file=[str(file) for file in config_files(bundle, *names)],
        meta_file=str(configs(bundle) / "metadata.json"),
        logging_file=str(configs(bundle) / "logging.conf"),
        workflow_type=kind,
        **{"device": "$torch.device('cpu')", **overrides},
    )
    made.initialize()
    return made


def train(bundle: Bundle, folder: Path, *names: Config, **overrides: Any) -> None:
    """Train with ``train.json`` and overlays; everything is written below the folder."""
    folders = {"ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval")}
    workflow(bundle, "train", "train", *names, **{**folders, **overrides}).run()


def infer(bundle: Bundle, output: Path, *names: Config, **overrides: Any) -> ConfigWorkflow:
    """Run ``inference.json`` with overlays; the workflow, when it is done."""
    folders = {"output_dir": str(output), "ckpt_dir": str(output)}
    made = workflow(bundle, "infer", "inference", *names, **{**folders, **overrides})
    made.run()
    return made


def write_random_weights(bundle: Bundle, path: Path, *names: Config, **overrides: Any) -> None:
    """Weights of the inference's network, none of them 0: an untrained last layer gives an empty result."""
    parser = merged(bundle, "inference", *names)
    parser.update(overrides)
    torch.manual_seed(0)
    state = parser.get_parsed_content("network_def").state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    floats = {name: value for name, value in state.items() if value.is_floating_point()}  # no count of batches
    torch.save({**state, **{name: value + 0.05 * torch.randn_like(value) for name, value in floats.items()}}, path)


def load_network(folder: Path, kind: str = "inference") -> torch.nn.Module:
    """The network with its weights, as ``monai.bundle.load`` gives it, which looks in ``models`` alone: those of a
    training are put there first."""
    if (folder / "trained" / "model.pt").is_file():
        (folder / "models").mkdir(exist_ok=True)
        shutil.copyfile(folder / "trained" / "model.pt", folder / "models" / "model.pt")
    return load(name=folder.name, bundle_dir=str(folder.parent), source="monaihosting", workflow_type=kind)


def export(folder: Path, out: Path, shape: list[int]) -> torch.jit.ScriptModule:
    """The traced module that ``ckpt_export`` writes for images of a shape (N, C, H, W)."""
    ckpt_export(
        net_id="network_def",
        filepath=str(out),
        ckpt_file=str(folder / "trained" / "model.pt"),
        meta_file=str(folder / "configs" / "metadata.json"),
        config_file=str(folder / "configs" / "inference.json"),
        key_in_ckpt="",
        use_trace=True,
        input_shape=shape,
    )
    return torch.jit.load(str(out))
