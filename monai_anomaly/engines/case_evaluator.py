# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from monai.data import decollate_batch, list_data_collate
from monai.engines import SupervisedEvaluator

from ..data import InputLoader
from ..utils import OutputError

__all__ = ["CaseEvaluator"]


class CaseEvaluator(SupervisedEvaluator):
    """An evaluator for inference: a case on which it fails is left out, and does not stop the others.

    Whatever fails between reading and writing counts: network, inferer, postprocessing, and handlers of the events
    ``FORWARD_COMPLETED`` and ``MODEL_COMPLETED``, such as `CaseWriter`. Of a batch of several cases each is tried
    again by itself. A disk on which nothing can be written any more ends the work.

    Args:
        args: of ``monai.engines.SupervisedEvaluator``; ``val_data_loader`` is an `InputLoader`.
        name_key: entry of the batch that names the case.
        kwargs: as ``args``.

    Example::

        loader = InputLoader(InputDataset([{"image": torch.rand(1, 8, 8), "subject": "a"}]))
        evaluator = CaseEvaluator("cpu", loader, nn.Identity())
        evaluator.run()
        assert loader.left_out == []
    """

    def __init__(self, *args: Any, name_key: str = "subject", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name_key = name_key

    def _iteration(self, engine: Any, batchdata: Any) -> Any:
        try:
            return super()._iteration(engine, batchdata)
        except Exception as error:
            names = batchdata.get(self.name_key)
            if names is None or (isinstance(error, OutputError) and error.is_final):
                raise
            if len(names) == 1:
                loader: InputLoader = self.data_loader  # type: ignore[assignment]
                loader.leave_out(str(names[0]), error)
        # behind the block, whose error holds the tensors of what failed, as the output does
        engine.state.output = None
        outputs: list[Any] = []
        if len(names) > 1:
            for sample in decollate_batch(batchdata):
                engine.state.batch = list_data_collate([sample])
                outputs += self._iteration(engine, engine.state.batch)
        engine.state.batch, engine.state.output = [], outputs
        return outputs
