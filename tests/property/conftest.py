"""How the property tests search: no test here asserts on time, so no example has a deadline."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("maildir-ipc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("maildir-ipc")
