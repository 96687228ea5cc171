"""What starts executions by itself: schedules, Flow triggers, polling triggers, backfills. The engine drives them."""
