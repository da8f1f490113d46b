"""GitHub's expressions, as far as our workflows use them. What is not known is an error, never null.

Reference: "Evaluate expressions in workflows and actions" in GitHub's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>==|!=|&&|\|\||[!().,*]))"
)
_PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_LENIENT = ("event",)
"""Below these a missing key is null, as on GitHub: what an event holds depends on the event."""


class ExpressionError(Exception):
    """An expression that GitHub, or this evaluator, would not understand."""


def interpolate(text: object, contexts: Mapping[str, Any]) -> str:
    """Replace every `${{ ... }}` of a value, as GitHub does before a step sees it."""
    if isinstance(text, bool):
        return str(text).lower()
    return _PLACE.sub(lambda match: to_text(evaluate(match[1], contexts)), str(text))


def condition(text: object, contexts: Mapping[str, Any]) -> bool:
    """Whether an `if:` holds; without a status function it means "and nothing failed before"."""
    body = str(text).strip()
    match = _PLACE.fullmatch(body)
    expression = match[1] if match else body
    if not re.search(r"\b(always|cancelled|failure|success)\(", expression):
        expression = f"success() && ({expression})"
    return truth(evaluate(expression, contexts))


def expressions_in(text: str) -> list[str]:
    """The expressions in a text."""
    return [match[1].strip() for match in _PLACE.finditer(text)]


def to_text(value: object) -> str:
    """How GitHub writes a value into a text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def truth(value: object) -> bool:
    """What counts as true."""
    return value not in (None, False, 0, "")


def evaluate(text: str, contexts: Mapping[str, Any]) -> Any:
    """Evaluate one expression.

    Args:
        text: without the braces.
        contexts: name -> mapping, and under "functions" the status functions.
    """
    parser = _Parser(_tokens(text), contexts, text)
    value = parser.either()
    if parser.left:
        raise ExpressionError(f"{text!r}: what is {parser.left[0][1]!r}?")
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"{text!r}: cannot be read from {text[at:]!r} on")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class _Parser:
    """Recursive descent: or, and, not, comparison, value."""

    def __init__(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], text: str) -> None:
        self.left = tokens
        self._contexts = contexts
        self._text = text

    def either(self) -> Any:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value if truth(value) else other
        return value

    def _both(self) -> Any:
        value = self._comparison()
        while self._take("&&"):
            other = self._comparison()
            value = other if truth(value) else value
        return value

    def _comparison(self) -> Any:
        value = self._negation()
        for sign in ("==", "!="):
            if self._take(sign):
                other = self._negation()
                same = _folded(value) == _folded(other)
                return same if sign == "==" else not same
        return value

    def _negation(self) -> Any:
        return not truth(self._negation()) if self._take("!") else self._value()

    def _value(self) -> Any:
        if self._take("("):
            value = self.either()
            self._need(")")
            return value
        if not self.left:
            raise ExpressionError(f"{self._text!r} ends too early")
        kind, word = self.left.pop(0)
        if kind == "string":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word) if "." in word else int(word)
        if kind != "name":
            raise ExpressionError(f"{self._text!r}: {word!r} is out of place")
        if word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        if self._take("("):
            self._need(")")
            functions = self._contexts["functions"]
            if word not in functions:
                raise ExpressionError(f"{self._text!r}: there is no function {word}() here")
            return functions[word]()
        return self._look_up(word)

    def _look_up(self, word: str) -> Any:
        if word not in self._contexts or word == "functions":
            raise ExpressionError(f"{self._text!r}: there is no context {word} here")
        value, path = self._contexts[word], [word]
        while self._take("."):
            _, key = self.left.pop(0)
            path.append(key)
            if isinstance(value, Mapping) and key in value:
                value = value[key]
            elif any(name in path for name in _LENIENT):
                value = None
            else:
                raise ExpressionError(f"{self._text!r}: there is no {'.'.join(path)} here")
        return value

    def _take(self, sign: str) -> bool:
        if self.left and self.left[0] == ("sign", sign):
            self.left.pop(0)
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise ExpressionError(f"{self._text!r}: {sign!r} is missing")


def _folded(value: object) -> object:
    """GitHub compares texts without regard to case, and null as the empty text."""
    return "" if value is None else value.lower() if isinstance(value, str) else value
