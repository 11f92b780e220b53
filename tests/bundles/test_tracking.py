# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""``--tracking mlflow`` of ``monai.bundle``: a training's parameters, losses and validation in MLflow, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ignite.engine import Events
from monai.utils import path_to_sqlite_uri

from .test_bundle_workflows import TINY
from .workflow import workflow

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed (pip install mlflow)")


def test_training_is_tracked(bundle: Path, tiny_data: Path, tmp_path: Path) -> None:
    tiny = {**TINY[bundle.name], "run": ["$@train#trainer.run()"], "epochs": 2, "dataset_dir": str(tiny_data)}
    # as an expression: of a plain folder MONAI 1.6.1 makes no path of the configuration that it keeps
    folders = {"ckpt_dir": str(tmp_path / "models"), "output_dir": f"${str(tmp_path / 'eval')!r}"}
    made = workflow(bundle, "train", "train", **tiny, **folders, tracking="mlflow")
    trainer, evaluator = (made.parser.get_parsed_content(name) for name in ("train#trainer", "validate#evaluator"))
    losses: list[float] = []
    validated: list[dict[str, Any]] = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: losses.append(e.state.output["loss"].item()))
    evaluator.add_event_handler(Events.COMPLETED, lambda engine: validated.append(dict(engine.state.metrics)))
    made.run()

    client = mlflow.MlflowClient(path_to_sqlite_uri(str(tmp_path / "eval" / "mlruns.db")))
    (run,) = client.search_runs([client.get_experiment_by_name("monai_experiment").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"max_epochs": "2", "epoch_length": str(len(losses) // 2)}

    def history(name: str) -> list[tuple[int, float]]:
        return [(entry.step, entry.value) for entry in client.get_metric_history(run.info.run_id, name)]

    assert losses and history("train_loss") == list(enumerate(losses, 1))
    for name in validated[0]:
        assert history(name) == [(epoch, metrics[name]) for epoch, metrics in enumerate(validated, 1)]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == [
        path.name for path in (tmp_path / "eval").glob("config_*.json")
    ]
