"""Triggers that look again and again: one file per type, each a function from what it is asked to what it found."""
