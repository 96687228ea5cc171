"""Random flows in the notation of flow_text: a failing example prints as one readable line.

Drawn from a seed and a size, not from hypothesis strategies for every token: a hundred times faster, and still shrinks by its size.
"""

from __future__ import annotations

from random import Random

_LEAVES = ["{}"] * 5 + [
    "{}!", "{}!1", "{}~", "{}?", "{}@disabled", "{}!@retry=2", "{}!1@retry=2", "{}!1@retry=3@warning_on_retry", "{}!@allow_failure",
    "{}~@allow_warning", "{}!@allow_failure@allow_warning", "{}^", "sub", "sleep:3", "pause", "pause:2", "pause:2!", "pause:4!@allow_failure",
]  # fmt: skip
_DAG_LEAVES = ["{}", "{}", "{}", "{}!", "{}?", "{}~", "{}@disabled"]
_HEADS = [
    "seq", "seq", "par", "par:1", "par:2", "dag", "dag:1", "dag:2", "if:then", "if:else", "switch:x", "allow", "wd", "each:0", "each:2",
    "each:3/2", "each:3/0", "loop:1", "loop:3/2", "loop:2/2!", "pause:2", "seq@allow_failure", "seq@retry=2", "each:2/0@allow_failure",
    "par@allow_warning", "seq@disabled",
]  # fmt: skip


def random_flow(seed: int, size: int) -> str:
    """The text of a flow of about so many tasks; every task under its own name."""
    return _RandomFlow(Random(seed), size).branches(depth=0)


class _RandomFlow:
    def __init__(self, random: Random, size: int) -> None:
        self.random, self.left, self.named = random, size, 0

    def name(self) -> str:
        self.named += 1
        return f"t{self.named}"

    def branches(self, depth: int, label: str = "") -> str:
        text = label + self.some(depth, 4)
        for handlers in (" | errors: ", " | finally: "):
            if self.random.random() < 0.25:
                text += handlers + self.some(depth, 2)
        return text

    def some(self, depth: int, most: int) -> str:
        return " ".join(self.node(depth) for _ in range(self.random.randint(1, most)))

    def node(self, depth: int) -> str:
        self.left -= 1
        if self.left < 0 or depth > 5 or self.random.random() < 0.4:
            return self.random.choice(_LEAVES).format(self.name())
        head = self.random.choice(_HEADS)
        if head.startswith("dag"):
            return f"{head}({self.dag()})"
        if head.startswith("switch"):
            head = f"switch:{self.random.choice('xyz')}"
            return f"{head}({self.branches(depth + 1, '| x: ')} | defaults: {self.node(depth + 1)})"
        return f"{head}({self.branches(depth + 1)})"

    def dag(self) -> str:
        names: list[str] = []
        words = []
        for _ in range(self.random.randint(1, 5)):
            needed = self.random.sample(names, self.random.randint(0, min(2, len(names))))
            names.append(self.name())
            after = "<" + ",".join(needed) if needed else ""
            name, *options = self.random.choice(_DAG_LEAVES).format(names[-1]).split("@")
            words.append("@".join([name + after, *options]))
        self.random.shuffle(words)
        return " ".join(words)
