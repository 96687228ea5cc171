"""Whether a failed attempt is tried again, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from taxi_pipelines.domain.flow import RetryPolicy, RetryType


def next_attempt(policy: RetryPolicy, attempts: int, since: datetime, now: datetime, random: Random) -> datetime | None:
    """When to try again after so many attempts, the first of them at `since`; None: not any more.

    With neither `max_attempts` nor `max_duration` it is tried for ever, as Kestra does. An attempt that could only begin
    after `max_duration` is not made.
    """
    if policy.max_attempts is not None and attempts >= policy.max_attempts:
        return None
    at = now + pause(policy, attempts, random)
    if policy.max_duration is not None and at > since + policy.max_duration:
        return None
    return at


def pause(policy: RetryPolicy, attempts: int, random: Random) -> timedelta:
    """How long to wait after so many attempts."""
    if policy.type is RetryType.RANDOM:
        return policy.interval + random.random() * ((policy.max_interval or policy.interval) - policy.interval)
    if policy.type is RetryType.CONSTANT:
        return policy.interval
    longest = (policy.max_interval or LONGEST_PAUSE).total_seconds()
    grown = policy.interval.total_seconds() * policy.delay_factor ** min(attempts - 1, 1000)
    return timedelta(seconds=min(grown, longest))


LONGEST_PAUSE = timedelta(days=365)
"""Exponential growth without a `max_interval` ends here, where `timedelta` would overflow."""
