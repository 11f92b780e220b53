# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from monai.engines.utils import IterationEvents
from monai.transforms import Compose, Lambdad

from monai_anomaly.data import InputDataset, InputLoader
from monai_anomaly.engines import CaseEvaluator
from monai_anomaly.utils import DataError, OutputError, describe

FULL = OutputError(errno.ENOSPC, "out/p1/map.nii.gz: could not be written: No space left on device")
PLACES = ("network", "postprocessing", "handler")


def run(
    place: str, error: BaseException, cases: int = 4, batch_size: int = 1, bad: Callable[[int], bool] = lambda i: i == 1
) -> tuple[list[str], list[dict[str, str]]]:
    """Cases p0, p1, ... on which something fails at a place; those that came through, and those left out."""
    through: list[str] = []

    def fail(here: str, values: torch.Tensor) -> torch.Tensor:
        if here == place and any(bad(int(v)) for v in values.flatten()):
            raise error
        return values

    def write(engine: Any) -> None:
        for sample, result in zip(engine.state.batch, engine.state.output, strict=True):
            fail("handler", result["pred"])
            through.append(sample["subject"])

    data = [{"image": torch.full((1, 1, 1), float(i)), "subject": f"p{i}"} for i in range(cases)]
    loader = InputLoader(InputDataset(data), batch_size=batch_size)
    evaluator = CaseEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader,
        network=torch.nn.Identity(),
        inferer=lambda inputs, network: fail("network", inputs),
        postprocessing=Compose([Lambdad("pred", lambda pred: fail("postprocessing", pred))]),
    )
    evaluator.add_event_handler(IterationEvents.MODEL_COMPLETED, write)
    evaluator.run()
    return through, loader.left_out


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", [DataError("p1: expected b"), MemoryError("780 GB"), OutputError(errno.EACCES, "p1")])
def test_a_case_that_fails_is_left_out_and_stops_no_other(place: str, error: Exception, batch_size: int) -> None:
    through, left_out = run(place, error, batch_size=batch_size)
    assert sorted({*through}) == ["p0", "p2", "p3"]
    assert left_out == [{"case": "p1", "reason": describe(error)}]


@pytest.mark.parametrize("place", PLACES)
def test_a_single_case_raises(place: str) -> None:
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        run(place, MemoryError("780 GB"), cases=1, bad=lambda i: True)
    assert describe(caught.value) == "MemoryError: 780 GB"


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(DataError, match=r"none in 4 \(TypeError: no number; .*; \.\.\.\)"):
        run("network", TypeError("no number"), bad=lambda i: True)


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_a_full_disk_and_an_interrupt_end_the_work(error: BaseException) -> None:
    with pytest.raises(type(error)):
        run("handler", error)


def test_what_failed_is_let_go_of_before_the_cases_are_tried_one_by_one() -> None:
    """On a GPU there is no room for both."""
    failed: list[weakref.ref] = []

    def infer(inputs: torch.Tensor, network: torch.nn.Module) -> torch.Tensor:
        assert all(reference() is None for reference in failed)
        result = inputs * 2
        if len(inputs) > 1:
            failed.append(weakref.ref(result))
            raise MemoryError
        return result

    loader = InputLoader(
        InputDataset([{"image": torch.zeros(1, 1, 1), "subject": f"p{i}"} for i in range(2)]), batch_size=2
    )
    CaseEvaluator(torch.device("cpu"), loader, torch.nn.Identity(), inferer=infer).run()
    assert len(failed) == 1 and loader.left_out == []


def test_cases_without_a_name_do_not_hide_the_error() -> None:
    def infer(inputs: torch.Tensor, network: torch.nn.Module) -> torch.Tensor:
        raise MemoryError("780 GB")

    loader = InputLoader(InputDataset([{"image": torch.zeros(1, 1, 1)}] * 2))
    with pytest.raises(MemoryError, match="780 GB"):
        CaseEvaluator(torch.device("cpu"), loader, torch.nn.Identity(), inferer=infer).run()
