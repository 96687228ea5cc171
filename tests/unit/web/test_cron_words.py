"""Cron in words, and cron where words would be longer."""

from __future__ import annotations

import pytest

from taxi_pipelines.web.cron_words import cron_words

SAID = {
    "0 9 28 * *": "on the 28th at 09:00",
    "30 4 * * *": "every day at 04:30",
    "0 6 1,15 * *": "on the 1st and 15th at 06:00",
    "0 9,12,15 * * 1-5": "on weekdays at 09:00, 12:00 and 15:00",
    "15 8 * * MON,sun": "on Mondays and Sundays at 08:15",
    "0 8 * * 7": "on Sundays at 08:00",
    "0 8 * * mon#2": "on the 2nd Monday at 08:00",
    "0 0 L * *": "on the last day at 00:00",
    "0 3 1 1,7 *": "on the 1st of January and July at 03:00",
    "0 3 * 12 *": "every day in December at 03:00",
    "0 3 1 * 1": "on the 1st and on Mondays at 03:00",
    "0 3 1 */6 *": "on the 1st of January and July at 03:00",
    "* * * * *": "every minute",
    "*/5 * * * *": "every 5 minutes",
    "0 * * * *": "every hour",
    "20 * * * *": "every hour, 20 min past",
    "0 */6 * * *": "every 6 hours",
    "0 0,12 * * *": "every day at 00:00 and 12:00",
    "*/15 9-17 * * 1-5": "every 15 minutes from 09:00 to 17:45 on weekdays",
    "30 9-17 * * *": "every hour from 09:30 to 17:30",
    "*/10 * * * * *": "every 10 seconds",
    "0 0 9 1 * *": "on the 1st at 09:00",
    "@monthly": "on the 1st at 00:00",
    "@hourly": "every hour",
    "1-57/8 */5 * * *": "cron 1-57/8 */5 * * *",
    "* 9 * * *": "cron * 9 * * *",
    "5 0 9 1 * *": "cron 5 0 9 1 * *",
}


@pytest.mark.parametrize("expression", SAID)
def test_cron_is_said_in_words(expression: str) -> None:
    assert cron_words(expression) == SAID[expression]
