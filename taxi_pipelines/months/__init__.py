"""What is done to a month: extract, load, check, merge, verify, roll back; planned and performed by the same list.

Sees interfaces only. A step's left side is immutable, so each can be repeated: source → lake → staging → target.
"""
