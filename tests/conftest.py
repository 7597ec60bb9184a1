"""Property tests: a run of `make test` is the same for everyone; HYPOTHESIS_PROFILE=explore looks for new examples."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A slow machine is no finding.
settings.register_profile("gate", derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
