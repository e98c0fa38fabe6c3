"""What commands print: much of it comes from outside."""

from __future__ import annotations

import json
from typing import Any

import click
import orjson

from streams.common.printable import printable, printable_lines


def say(line: str, *, err: bool = False) -> None:
    """Print one line, with whatever could control a terminal escaped."""
    click.echo(printable(line), err=err)


def say_json(value: Any) -> None:
    """Print a value, models and all, as JSON for other programs; signs beyond ASCII are escaped."""
    click.echo(json.dumps(orjson.loads(orjson.dumps(value)), indent=2))


def say_all(text: str, *, err: bool = False) -> None:
    """Print a text of several lines that are our own; as ``say``."""
    click.echo(printable_lines(text), err=err)
