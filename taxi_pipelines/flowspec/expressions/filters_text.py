"""Filters on text."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote_plus, unquote_plus

from taxi_pipelines.flowspec.expressions.confined import CONFINED
from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Refused
from taxi_pipelines.flowspec.expressions.operations import Operation
from taxi_pipelines.flowspec.expressions.values import kind, string, to_text, whole

ELLIPSIS = "..."
LONGEST_FOR_REGEX = 1_000_000
SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")
ESCAPES = {"single": ("'", "\\'"), "double": ('"', '\\"'), "shell": ("'", "'\\''")}
LINE_BREAKS = ("\r\n", "\n\r", "\n", "\r")


def on_text(call: Callable[[str], object]) -> Operation:
    """A filter of one text; null stays null, other values are printed first."""

    def apply(frame: Frame, value: object) -> object:
        try:
            return None if value is None else call(to_text(value, frame.budget))
        except UnicodeEncodeError:
            raise Refused("the text has half a character in it: a surrogate without its other half") from None

    return Operation(apply)


def capitalize(text: str) -> str:
    """The first letter in capitals, the rest as it is."""
    start = len(text) - len(text.lstrip())
    return text[:start] + text[start : start + 1].upper() + text[start + 1 :]


def title(text: str) -> str:
    """The first letter of each word in capitals, the rest as it is."""
    return re.sub(r"(?:^|(?<=\s))\S", lambda match: match[0].upper(), text)


def slugify(text: str) -> str:
    """Lower case, without accents, words joined by `-`."""
    plain = unicodedata.normalize("NFD", re.sub(r"\s", "-", text))
    return re.sub(r"-+", "-", re.sub(r"[^A-Za-z0-9_-]", "", plain).replace("_", "-")).strip("-").lower()


def url_encode(text: str) -> str:
    """As a form encodes it: a space is `+`."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def base64_decode(text: str) -> str:
    """To UTF-8 text."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError as error:
        raise Refused(f"not UTF-8 text in base64: {error}") from None


def abbreviate(frame: Frame, value: object, length: object) -> object:
    """At most `length` characters, the last three of them dots."""
    if value is None:
        return None
    text, width = to_text(value, frame.budget), whole(length, "length")
    if width < 0:
        raise Refused("'length' must not be negative")
    if len(text) < width or len(text) <= len(ELLIPSIS):
        return text
    return text[:width] if width <= len(ELLIPSIS) else text[: width - len(ELLIPSIS)] + ELLIPSIS


def cut(call: Callable[[str, str], str]) -> Operation:
    """A part of a text, found by a separator."""

    def apply(frame: Frame, value: object, separator: object) -> object:
        return None if value is None else call(to_text(value, frame.budget), string(separator, "separator"))

    return Operation(apply, required=("separator",))


def before(text: str, separator: str) -> str:
    """Up to the first separator; all of it where there is none."""
    return text.partition(separator)[0] if separator else ""


def before_last(text: str, separator: str) -> str:
    """Up to the last separator; all of it where there is none."""
    return text.rpartition(separator)[0] if separator and separator in text else text


def after(text: str, separator: str) -> str:
    """From the first separator on; nothing where there is none."""
    return text.partition(separator)[2] if separator else text


def after_last(text: str, separator: str) -> str:
    """From the last separator on; nothing where there is none."""
    return text.rpartition(separator)[2] if separator and separator in text else ""


def affix(test: Callable[[str, str], bool]) -> Operation:
    """`startsWith`, `endsWith`."""

    def apply(frame: Frame, value: object, wanted: object) -> bool:
        return test(to_text(value, frame.budget), to_text(wanted, frame.budget))

    return Operation(apply, required=("value",))


def indent(first: bool) -> Operation:
    """Every line but the first pushed in; with `first` a line break is put before it, so that it is pushed in too."""

    def apply(frame: Frame, value: object, amount: object, prefix: object) -> object:
        if value is None:
            return None
        text, width = to_text(value, frame.budget), whole(amount, "amount")
        if width < 0:
            raise Refused("'amount' must not be negative")
        if not text:
            return text
        line_break = next((each for each in LINE_BREAKS if each in text), "\n")
        text = line_break + text if first else text
        pad = " " if prefix is None else string(prefix, "prefix")
        frame.budget.text(len(text) + text.count(line_break) * width * len(pad))
        return text.replace(line_break, line_break + pad * width)

    return Operation(apply, required=("amount",), optional=("prefix",))


def escape(frame: Frame, value: object, how: object) -> object:
    """Quotes made harmless, in text and in every text of a list or map."""
    if not isinstance(how, str) or how.lower() not in ESCAPES:
        raise Refused("'type' must be 'single', 'double' or 'shell'")
    old, new = ESCAPES[how.lower()]
    return None if value is None else on_each_text(frame, value, lambda text: _replaced(frame, text, old, new))


def replace(frame: Frame, value: object, pairs: object, regexp: object) -> object:
    """`replace({'old': 'new'}, regexp=false)`, in text and in every text of a list or map."""
    if not isinstance(pairs, dict):
        raise Refused(f"'replace_pairs' must be a map, not {kind(pairs)}", "as in replace({'old': 'new'})")
    if value is None:
        return None
    texts = [(str(old), to_text(new, frame.budget)) for old, new in pairs.items()]

    def all_replaced(text: str) -> str:
        for old, new in texts:
            text = _by_pattern(frame, text, old, new) if regexp is True else _replaced(frame, text, old, new)
        return text

    return on_each_text(frame, value, all_replaced)


def on_each_text(frame: Frame, value: object, change: Callable[[str], str]) -> object:
    """The text changed; in a list or map every item, printed where it is no text."""
    frame.budget.weigh(value)
    return _on_each(frame, value, change)


def _on_each(frame: Frame, value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, dict):
        return {key: _on_each(frame, item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_on_each(frame, item, change) for item in value]
    return change(to_text(value, frame.budget))


def _replaced(frame: Frame, text: str, old: str, new: str) -> str:
    frame.budget.spend(1)
    frame.budget.text(len(text) + (text.count(old) if old else len(text) + 1) * max(0, len(new) - len(old)))
    return text.replace(old, new)


def _by_pattern(frame: Frame, text: str, pattern: str, replacement: str) -> str:
    made = CONFINED.ask("replace", pattern=pattern, replacement=replacement, text=_short_enough(text))
    assert isinstance(made, str)
    frame.budget.text(len(made))
    return made


def _short_enough(text: str) -> str:
    if len(text) > LONGEST_FOR_REGEX:
        raise Refused(
            f"a regular expression is applied to at most {LONGEST_FOR_REGEX:,} characters", "do it in a script task"
        )
    return text


def split(frame: Frame, value: object, delimiter: object, limit: object) -> object:
    """At a text or, as in Java, a regular expression; without a `limit` empty pieces at the end are dropped."""
    if value is None:
        return None
    text, at = to_text(value, frame.budget), string(delimiter, "delimiter")
    most = 0 if limit is None else whole(limit, "limit")
    pieces = _split(text, at, most)
    if most == 0 and len(pieces) > 1:
        while pieces and not pieces[-1]:
            pieces.pop()
    return pieces


def _split(text: str, at: str, most: int) -> list[str]:
    literal = re.sub(r"\\([^A-Za-z0-9])", r"\1", at) if not SPECIAL.search(re.sub(r"\\[^A-Za-z0-9]", "", at)) else None
    if literal:
        return text.split(literal, most - 1 if most > 0 else -1)
    found = CONFINED.ask("split", pattern=at, text=_short_enough(text), limit=str(most))
    assert isinstance(found, list)
    return found


def _hash(name: str) -> Operation:
    return on_text(lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest())


FILTERS = {
    "upper": on_text(str.upper),
    "lower": on_text(str.lower),
    "capitalize": on_text(capitalize),
    "title": on_text(title),
    "trim": on_text(str.strip),
    "slugify": on_text(slugify),
    "abbreviate": Operation(abbreviate, required=("length",)),
    "replace": Operation(replace, required=("replace_pairs",), optional=("regexp",)),
    "split": Operation(split, required=("delimiter",), optional=("limit",)),
    "substringBefore": cut(before),
    "substringBeforeLast": cut(before_last),
    "substringAfter": cut(after),
    "substringAfterLast": cut(after_last),
    "startsWith": affix(str.startswith),
    "endsWith": affix(str.endswith),
    "indent": indent(first=False),
    "nindent": indent(first=True),
    "escapeChar": Operation(escape, required=("type",)),
    "urlencode": on_text(url_encode),
    "urldecode": on_text(unquote_plus),
    "base64encode": on_text(lambda text: base64.b64encode(text.encode()).decode("ascii")),
    "base64decode": on_text(base64_decode),
    "md5": _hash("md5"),
    "sha1": _hash("sha1"),
    "sha256": _hash("sha256"),
    "sha512": _hash("sha512"),
}
