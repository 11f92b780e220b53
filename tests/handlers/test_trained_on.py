# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What a training keeps of itself: another one is refused, and the weights tell how they were made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from torch import nn

from monai_anomaly.handlers import trained_on
from monai_anomaly.utils import DataError, load_tensors, provenance, read_model_record

from .small_training import Sliced, Training, network, samples


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objects": ("network", "optimizer")}, "expected the state of"),
        ({"width": 5}, r"network\.0\.out_features 4 -> 5; network\.1\.num_features 4 -> 5"),
        ({"batch_size": 4}, r"batch_size 2 -> 4"),
        ({"settings": {"seed": 8}}, r"\(seed 7 -> 8\)"),
        ({"rate": 0.1}, r"\(optimizer\.lr 0\.05 -> 0\.1\)"),
        ({"data": Sliced(samples(8), "b")}, r"\(training data 8 sample.*fingerprint a -> 8 .*fingerprint b\)"),
    ],
)
def test_other_configuration_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    Training(tmp_path, 1).run()
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(DataError, match=rf"state\.pt.*{message}.*--resume False") as caught:
        Training(tmp_path, 2, **options).run()
    assert len(str(caught.value).removeprefix(str(tmp_path))) < 320
    assert (tmp_path / "state.pt").read_bytes() == before


def test_what_only_concerns_the_computer_or_the_length_may_change(tmp_path: Path) -> None:
    Training(tmp_path, 1).run()
    again = Training(tmp_path, 3)
    again.optimizer.param_groups[0]["foreach"] = False
    again.trainer.amp = True
    assert again.run().trainer.state.epoch == 3


def test_a_training_that_is_resumed_anyway_tells_what_changed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Training(tmp_path, 1).run()
    Training(tmp_path, 2, settings={"seed": 8}, resume="anyway").run()
    assert "seed 7 -> 8" in caplog.text
    with pytest.raises(DataError, match="seed 8 -> 7"):  # it is another training from then on
        Training(tmp_path, 3).run()
    assert load_tensors(tmp_path / "state.pt")["about"]["changes"] == ["after epoch 1: seed 7 -> 8"]
    with pytest.raises(ValueError, match="resume must be"):
        Training(tmp_path, 3, resume="never")


@pytest.mark.parametrize("constant", [False, True])
def test_what_was_changed_anyway_is_used(tmp_path: Path, constant: bool) -> None:
    before = Training(tmp_path, 1, constant=constant).run().optimizer
    again = Training(tmp_path, 2, constant=constant, rate=0.005, weight_decay=0.5, resume="anyway")
    used = []

    def look(engine: Any) -> None:
        used.append([again.optimizer.param_groups[0][name] for name in ("lr", "weight_decay")])

    again.trainer.add_event_handler(Events.ITERATION_STARTED, look)
    again.run()
    assert len(used) == 4 and all(decay == 0.5 for _, decay in used)
    if constant:
        assert all(rate == 0.005 for rate, _ in used)
    else:
        assert max(rate for rate, _ in used) <= 0.005
    steps = [next(iter(optimizer.state.values()))["step"] for optimizer in (before, again.optimizer)]
    assert steps == [4, 8]  # what it learned goes on


def test_the_model_tells_what_it_was_trained_on(tmp_path: Path) -> None:
    Training(tmp_path, 3, validation=[2.0, 1.0, 3.0]).run()
    record = read_model_record(tmp_path / "model.pt")["training"]
    assert record["epoch"] == 2 and record["settings"]["seed"] == 7
    assert record["data"]["training"]["fingerprint"] == "a" and record["changes"] == []
    assert record["settings"]["optimizer.lr"] == 0.05 and "network.0.out_features" not in record["settings"]
    torch.save({}, tmp_path / "model.pt")
    with pytest.warns(UserWarning, match=r"model\.json tells how another file"):
        assert read_model_record(tmp_path / "model.pt")["training"] is None


def test_a_state_of_an_older_version_is_resumed_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Training(tmp_path, 1).run()
    state = load_tensors(tmp_path / "state.pt")
    del state["about"]
    torch.save(state, tmp_path / "state.pt")
    assert Training(tmp_path, 2, settings={"seed": 9}).run().trainer.state.epoch == 2
    assert "does not tell seed, data and settings" in caplog.text
    caplog.clear()
    Training(tmp_path, 2, settings={"seed": 9}).run()
    assert "does not tell" not in caplog.text  # once


def test_another_version_of_a_library_is_noted_and_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Training(tmp_path, 1).run()
    grown = {"seed": 7, "eta": 0}  # an attribute more
    with pytest.raises(DataError, match="eta none -> 0"):
        Training(tmp_path, 2, settings=grown).run()
    now = provenance()
    now["versions"]["monai"] = "99"
    monkeypatch.setattr(trained_on, "provenance", lambda: now)
    with pytest.raises(DataError, match=r"\(optimizer\.lr 0\.05 -> 0\.1\)"):  # what both have still counts
        Training(tmp_path, 2, settings=grown, rate=0.1).run()
    assert Training(tmp_path, 2, settings=grown).run().trainer.state.epoch == 2
    assert "another version of the code: monai " in caplog.text and "-> 99; eta none -> 0" in caplog.text
    caplog.clear()
    Training(tmp_path, 3, settings=grown).run()
    assert "another version" not in caplog.text  # once
    (change,) = load_tensors(tmp_path / "state.pt")["about"]["changes"]
    assert change.startswith("after epoch 1: monai ") and change.endswith(" -> 99; eta none -> 0")


def test_a_fine_tuning_is_resumed_from_the_weights_it_began_with(tmp_path: Path) -> None:
    run, one, other = tmp_path / "run", tmp_path / "one.pt", tmp_path / "other.pt"
    for path, value in ((one, 0.1), (other, 0.2)):
        nn.init.constant_((weights := network())[0].weight, value)
        torch.save(weights.state_dict(), path)
    Training(run, 1, pretrained=one).run()
    before = (run / "state.pt").read_bytes()
    with pytest.raises(DataError, match=r"state\.pt: .*\(pretrained one\.pt -> .*other\.pt\).*--resume False"):
        Training(run, 2, pretrained=other).run()
    assert (run / "state.pt").read_bytes() == before
    assert Training(run, 2, pretrained=one).run().trainer.state.epoch == 2
    resumed = Training(run, 3).run()  # left out
    assert resumed.trainer.state.epoch == 3 and resumed.trainer.state.pretrained["file"] == "one.pt"
    one.rename(tmp_path / "one_pretrained.pt")  # kept, since the training wrote over it
    torch.save({}, one)
    assert Training(run, 4, pretrained=one).run().trainer.state.epoch == 4
    assert read_model_record(run / "model.pt")["training"]["pretrained"]["file"] == "one.pt"

    Training(tmp_path / "scratch", 1).run()
    with pytest.raises(DataError, match=r"pretrained none -> .*other\.pt"):
        Training(tmp_path / "scratch", 2, pretrained=other).run()


def test_a_training_starts_from_weights_and_keeps_those_it_writes_over(tmp_path: Path) -> None:
    nn.init.constant_((weights := network())[0].weight, 0.1)
    torch.save(weights.state_dict(), tmp_path / "model.pt")
    before = (tmp_path / "model.pt").read_bytes()
    Training(tmp_path / "other", 1, pretrained=tmp_path / "model.pt", save=False).run()
    assert {p.name for p in tmp_path.iterdir()} == {"model.pt"}  # another process, or another folder, keeps nothing

    training = Training(tmp_path, 1, rate=1e-9, pretrained=tmp_path / "model.pt").run()
    torch.testing.assert_close(training.network[0].weight, weights[0].weight)
    assert training.trainer.state.pretrained["file"] == "model.pt"
    assert (tmp_path / "model_pretrained.pt").read_bytes() == before != (tmp_path / "model.pt").read_bytes()
    with pytest.raises(DataError, match=r"none\.pt: expected the weights of a training"):
        Training(tmp_path / "other", 1, pretrained=tmp_path / "none.pt").run()
