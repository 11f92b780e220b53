# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

__all__ = ["DataError"]


class DataError(ValueError):
    """Input that cannot be used; the message names the file, what was expected and what was found."""
