# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from ignite.engine import Engine
from monai.handlers import CheckpointLoader

from ..utils import DataError

__all__ = ["WeightsLoader"]


class WeightsLoader(CheckpointLoader):
    """MONAI's ``CheckpointLoader``, whose errors name the file and say what to do; the arguments are the same."""

    def __call__(self, engine: Engine) -> None:
        """Load when the engine starts.

        Raises:
            DataError: when the file is missing, is damaged, or does not fit the network.
        """
        if not Path(self.load_path).is_file():
            raise DataError(
                f"{self.load_path}: expected the weights of a training, found no such file; train first, or name the "
                "folder that holds them with --ckpt_dir"
            )
        try:
            super().__call__(engine)
        except Exception as error:  # torch raises many kinds for a damaged file
            found = " ".join(line.strip() for line in str(error).splitlines()[:2])
            raise DataError(
                f"{self.load_path}: expected weights of the configured network, found a file that is damaged or of "
                f"another network ({found})"
            ) from error
