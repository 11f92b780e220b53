# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What a person runs: ``python -m monai_anomaly COMMAND``."""
