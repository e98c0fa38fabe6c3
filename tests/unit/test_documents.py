"""The documents: generated parts are true, lines are short, and what they name is there."""

from __future__ import annotations

import json
import logging
import re
import shlex
from datetime import datetime
from pathlib import Path

import click
import pytest

from streams.cli.main import cli
from streams.common.log_style import JsonFormatter
from streams.log_events.worker import TextEndedBadly
from streams.policy_admin.files import read_folder
from streams.settings import DEFAULT_CONFIG, ROOT, load_settings
from tests.support.documents import DOCUMENTS, blocks, json_type, renew, table

LONGEST = {ROOT / "README.md": 110}
ROOMS = ("deploy", "models", "streams", "tests")
PATH = re.compile(rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`")
CALL = re.compile(r"\s*(?:\S*/)?ringfence [a-z-]")
LINK = re.compile(r"\]\(([^)#]+)\)")

every = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def prose(path: Path) -> str:
    return re.sub(
        r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


@every
def test_generated_parts_are_as_generated(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == renew(text), "run `tests/run documents`"


def test_a_generated_part_is_replaced_whole() -> None:
    text = "a\n<!-- generated: topics -->\nstale\n<!-- end generated -->\nb\n"
    new = renew(text)
    assert "stale" not in new
    assert "`calls.events`" in new
    assert (new[:2], new[-2:]) == ("a\n", "b\n")


@every
def test_lines_are_short(path: Path) -> None:
    most = LONGEST.get(path, 100)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [each for each in lines if len(each) > most and not each.startswith("|")] == []


def test_the_first_page_is_a_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def commands(path: Path) -> list[list[str]]:
    """The words of each call of `ringfence` in a document, in its blocks and in its prose."""
    text = path.read_text(encoding="utf-8")
    shell = "\n".join(re.findall(r"^```sh[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL))
    inline = [f"ringfence {each}" for each in re.findall(r"`ringfence ([a-z][^`]*)`", prose(path))]
    lines = [*shell.replace("\\\n", " ").splitlines(), *inline]
    parts = [part for line in lines for part in re.split(r" [|&]+ |; | <<", line)]
    return [shlex.split(each)[1:] for each in parts if CALL.match(each)]


def misread(words: list[str]) -> str | None:
    """What is wrong with a call of the command line, whose values are not looked at."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        if not words or words[0].startswith("-"):
            break
        if (found := command.commands.get(words[0])) is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    if command.name == "tool":
        return None  # the rest is another program's
    parser = command.make_parser(click.Context(command))
    parser.ignore_unknown_options = False
    try:
        parser.parse_args(list(words))
    except click.BadOptionUsage:
        return None  # prose may leave a value out
    except click.UsageError as exc:
        return str(exc.message)
    return None


@every
def test_commands_are_there_with_their_options(path: Path) -> None:
    wrong = [(words, why) for words in commands(path) if (why := misread(words)) is not None]
    assert wrong == []


def test_a_command_that_is_not_there_is_seen() -> None:
    assert misread(["policy", "rollback", "*", "--note", "why"]) is None
    assert misread(["policy", "roll-back"]) == "no command roll-back"
    assert "No such option" in str(misread(["dlq", "list", "--everything"]))
    assert sum(len(commands(each)) for each in DOCUMENTS) > 80


@every
def test_links_lead_somewhere(path: Path) -> None:
    links = [each for each in LINK.findall(prose(path)) if "://" not in each]
    assert [each for each in links if not (path.parent / each).exists()] == []


@every
def test_paths_are_there(path: Path) -> None:
    assert [each for each in PATH.findall(prose(path)) if not (ROOT / each).exists()] == []


def test_rooms_are_there() -> None:
    text = (ROOT / "streams" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \|", text.partition("## What holds")[0], flags=re.MULTILINE)
    named = [each for row in rows for each in re.findall(r"`([^`]+)`", row)]
    assert [each for each in named if not (ROOT / "streams" / each).exists()] == []
    there = {each.name for each in (ROOT / "streams").iterdir() if any(each.glob("*.py"))}
    assert there <= {each.rstrip("/") for each in named}


def test_the_policies_folder_may_hold_a_document() -> None:
    settings = load_settings(DEFAULT_CONFIG, gateway_secrets=False)
    assert (settings.policies / "README.md").exists()
    files, _ = read_folder(settings)
    assert [each.key for each in files] == ["*"]


@pytest.mark.parametrize(
    "text", blocks("yaml"), ids=lambda text: text.strip().partition("\n")[0][:40]
)
def test_a_configuration_is_read_as_written(text: str, tmp_path: Path) -> None:
    if "lines:\n" not in text:
        text += (ROOT / "deploy" / "ringfence.yaml").read_text("utf-8").partition("gateways:")[2]
        text = text.replace("\n  office:", "\ngateways:\n  office:", 1)
    path = tmp_path / "ringfence.yaml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "policies").mkdir()
    assert load_settings(path, gateway_secrets=False).lines


def test_the_example_of_the_log_is_what_a_worker_writes() -> None:
    (block,) = blocks("json")
    shown = json.loads(block)
    happened = TextEndedBadly(
        **{name: shown[name] for name in TextEndedBadly.field_names() if name != "caller"},
        caller="447700900123@c.us",
    )
    record = logging.makeLogRecord(
        {
            "msg": "%s", "args": (happened,), "happened": happened, "levelname": "WARNING",
            "name": shown["logger"], "process": shown["pid"],
            "created": datetime.fromisoformat(shown["time"]).timestamp(),
        }
    )  # fmt: skip
    line = JsonFormatter("worker", shown["instance"]).format(record)
    assert " ".join(block.split()) == line


def test_a_bar_in_a_cell_ends_no_cell() -> None:
    assert table(("a",), [("b | c",)]).splitlines()[-1] == "| b \\| c |"


def test_types_are_named_as_json_has_them() -> None:
    assert json_type(str | None) == "string or null"
    assert json_type(tuple[str, ...]) == "list of string"
    assert json_type(dict[str, int]) == "object of integer"
