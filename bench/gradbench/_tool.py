"""The protocol: `define` finds a module, `evaluate` runs one of its functions and times it.

Every message has an "id", which the response repeats. Nothing that goes wrong inside a module ends
the session: the response then says "success": false, with the error. So does an output that is not
finite, which JSON cannot hold. Only a line that is no message ends it.
"""

import importlib
import json
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Generic, TextIO, TypeVar

import attrs

MODULES = ("hello", "lse", "llsq", "det", "ode", "kmeans", "gmm", "saddle")

_LONGEST = 80  # characters of a bad line that the error repeats

Input = TypeVar("Input")
Output = TypeVar("Output")
Json = dict[str, Any]


class ProtocolError(Exception):
    """A line of the input cannot be answered, for there is no id to answer to."""


@attrs.frozen
class Function(Generic[Input, Output]):
    """A function of a module. Only `compute` is timed.

    read:  from the message's "input" to arrays
    write: from the result to what JSON can hold
    """

    compute: Callable[[Input], Output]
    read: Callable[[Any], Input]
    write: Callable[[Output], Any]

    def evaluate(self, message_input: Any) -> Json:
        """Run as often as the input asks for ("min_runs", "min_seconds"); output and timings."""
        runs = message_input if isinstance(message_input, dict) else {}
        fewest, seconds = runs.get("min_runs", 1), runs.get("min_seconds", 0.0)
        given = self.read(message_input)
        timings: list[int] = []
        while True:
            start = time.perf_counter_ns()
            result = self.compute(given)
            timings.append(time.perf_counter_ns() - start)
            if len(timings) >= fewest and sum(timings) >= seconds * 1e9:
                break
        return {
            "success": True,
            "output": self.write(result),
            "timings": [{"name": "evaluate", "nanoseconds": t} for t in timings],
        }


def functions(module: str) -> Mapping[str, Function[Any, Any]]:
    """The functions of a module, by name; LookupError for a module that is not here."""
    if module not in MODULES:
        raise LookupError(f"no module {module!r}; there are {', '.join(MODULES)}")
    found: Mapping[str, Function[Any, Any]] = importlib.import_module(
        f".{module}", __package__
    ).FUNCTIONS
    return found


def respond(message: Json) -> Json:
    """The response to one message, without its id."""
    try:
        match message["kind"]:
            case "start":
                return {"tool": "tapegrad"}
            case "define":
                functions(message["module"])
                return {"success": True}
            case "evaluate":
                return _function(message).evaluate(message["input"])
            case _:
                return {}
    except Exception as error:  # noqa: BLE001  (whatever a module raises is an answer, too)
        return {"success": False, "error": "".join(traceback.format_exception(error))}


def _function(message: Json) -> Function[Any, Any]:
    available = functions(message["module"])
    name = message["function"]
    if name not in available:
        known = ", ".join(available)
        raise LookupError(f"module {message['module']!r} has no function {name!r}; it has {known}")
    return available[name]


def serve(messages: TextIO, responses: TextIO) -> None:
    """Answer every message until the input ends; raises ProtocolError for a line that is none."""
    for number, line in enumerate(messages, start=1):
        if line.strip():
            message = _parsed(line, number)
            print(_written(message["id"], respond(message)), file=responses, flush=True)


def _written(number: Any, response: Json) -> str:
    try:
        return json.dumps({"id": number, **response}, allow_nan=False)
    except ValueError:
        error = "the output is not finite, and JSON has no NaN or Infinity"
        return json.dumps({"id": number, "success": False, "error": error})


def _parsed(line: str, number: int) -> Json:
    try:
        message = json.loads(line)
    except json.JSONDecodeError:
        message = None
    if isinstance(message, dict) and "id" in message:
        return message
    text = line.strip()
    raise ProtocolError(
        f"line {number} of the input is no message: expected a JSON object with an id, "
        f"not {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}"
    )
