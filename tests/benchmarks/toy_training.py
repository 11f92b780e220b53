# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A bundle that takes no time: it makes up the cases that a training on a split would leave."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np

from monai_anomaly.evaluation import Cases, SiteClassification, write_report
from monai_anomaly.utils import DataError

TASK = SiteClassification(["healthy", "MS"], "T")
CONFIG: dict[str, Any] = {
    "ckpt_dir": "models",
    "output_dir": "eval",
    "split": 0,
    "epochs": 3,
    "skill": 3.0,
    "fails": "",
    "unused": 0,
    "train": {
        "_target_": "tests.benchmarks.toy_training.train",
        "ckpt_dir": "@ckpt_dir",
        "output_dir": "@output_dir",
        "split": "@split",
        "epochs": "@epochs",
        "skill": "@skill",
        "fails": "@fails",
    },
    "run": ["$@train"],
}


def train(ckpt_dir: str, output_dir: str, split: int, epochs: int, skill: float, fails: str = "") -> None:
    """Count the run in ``runs.txt``, then leave a report, or fail."""
    Path(ckpt_dir).mkdir(parents=True, exist_ok=True)
    with open(Path(ckpt_dir) / "runs.txt", "a") as f:
        f.write(f"split {split}, {epochs} epochs\n")
    print(f"epoch {epochs}")
    if fails == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fails == "silent":
        return
    if fails:
        raise DataError(f"{fails}: expected lesions, found none.")
    rng, cases = np.random.default_rng([split, int(10 * skill)]), Cases(TASK.schema)
    for i in sorted(np.random.default_rng(split).permutation(32)[:16]):
        label = int(i // 2 % 2)
        cases.append(f"s{i}", logits=skill * np.eye(2)[label] + rng.normal(size=2), label=label, site="TA"[i % 2])
    write_report(TASK, cases, output_dir, method="toy", keep_cases=True, resamples=10)


def write_plan(folder: Path, **rows: dict[str, Any]) -> Path:
    """A plan among the configurations of a bundle."""
    configs = folder / "configs"
    configs.mkdir(parents=True)
    (configs / "train.json").write_text(json.dumps(CONFIG))
    (configs / "vanilla.json").write_text(json.dumps({"skill": 0.5}))
    every = {"L2I": {}, "vanilla": {"config": ["configs/vanilla.json"]}, **rows}
    (configs / "table.json").write_text(json.dumps({"config": "train.json", "rows": every, "splits": 2}))
    return configs / "table.json"
