"""Alerts: what ended badly, or is late, told to people where they are. Sees interfaces, never adapters."""
