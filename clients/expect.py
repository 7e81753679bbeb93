"""Assertions for the Python suites: each prints what held, the first that does not ends the run."""

import sys
from typing import Any, NoReturn

_passed = 0


def fail(what: str, why: str) -> NoReturn:
    print(f"not ok - {what}: {why}")
    print(f"{_passed} passed, 1 failed")
    sys.exit(1)


def ok(what: str) -> None:
    global _passed
    _passed += 1
    print(f"ok {_passed} - {what}")


def equal(what: str, seen: Any, wanted: Any) -> None:
    if seen != wanted:
        fail(what, f"{seen!r} is not {wanted!r}")
    ok(what)


def true(what: str, condition: Any, seen: Any = "") -> None:
    if not condition:
        fail(what, f"does not hold: {seen!r}" if seen != "" else "does not hold")
    ok(what)


def answer(what: str, result: tuple, status: int) -> Any:
    """Takes an SDK method's (data, response, error) apart; the status is looked at, too, because the SDK takes any
    answer with an empty body for a success (clients.md 2)."""
    if len(result) != 3 or result[2] is not None:
        fail(what, f"the SDK says {result[-1]}")
    data, response, _ = result
    seen = getattr(response, "status_code", getattr(response, "status", None))
    if seen != status:
        fail(what, f"status {seen}, not {status}")
    ok(f"{what}: {status}")
    return data


def refused(what: str, result: tuple, status: int, code: str) -> Any:
    """The SDK has an OktaAPIError with our status and code: the body was the whole error object."""
    error = result[-1]
    if error is None:
        fail(what, "the SDK takes it for a success")
    seen = (getattr(error, "status", None), getattr(error, "error_code", None))
    if seen != (status, code):
        fail(what, f"{seen} is not {(status, code)}: {error}")
    ok(f"{what}: {status} {code}")
    return error


def done() -> NoReturn:
    print(f"{_passed} passed, 0 failed")
    sys.exit(0)
