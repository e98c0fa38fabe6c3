"""What plain words become in YAML 1.1, and that a fault names the file's own word."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.common.errors import ConfigurationError
from streams.common.yaml_source import YamlSource
from streams.policy_admin.files import read_file
from streams.settings import load_settings

RULE = "rules: [{id: d, type: deny_list}]"


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(f'line: "*"\n{text}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_file(path)
    return str(refused.value).replace(str(path), "FILE")


WORDS = ["NO", "no", "No", "on", "ON", "off", "yes", "Yes"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("rules: [{id: c, type: country, reject: [%s]}]", "rules.0.reject.0"),
        ("rules: [{id: c, type: country, reject: %s}]", "rules.0.reject"),
        ("rules: [{id: v, type: vip_only, tiers: [gold, %s]}]", "rules.0.tiers.1"),
        ("rules: [{id: b, type: burst, calls: %s, within: 60s}]", "rules.0.calls"),
        ("rules: [{id: %s, type: deny_list}]", "rules.0.id"),
        ("rules: [{id: d, type: deny_list, mode: %s}]", "rules.0.mode"),
        (f"on_error: %s\n{RULE}", "on_error"),
        (f"texts: {{strangers_per_day: %s}}\n{RULE}", "texts.strangers_per_day"),
        (f"texts: {{cooldown: %s}}\n{RULE}", "texts.cooldown"),
        (f"links: {{callback: %s}}\n{RULE}", "links.callback"),
        (f"replies: {{closed: {{%s: hei}}}}\n{RULE}", "replies.closed.%s"),
        (f"calendars: [{{calendar: c, week: {{mon: %s}}}}]\n{RULE}", "calendars.0.week.mon"),
    ],
)
def test_a_truth_value_for_a_word_has_the_hint(
    tmp_path: Path, text: str, key: str, word: str
) -> None:
    (said,) = refusal(tmp_path, text.replace("%s", word)).splitlines()
    assert said.split(": ")[1] == key.replace("%s", word)
    assert f'{word} is a truth value to YAML: put it in quotes, "{word}"' in said


@pytest.mark.parametrize(
    ("word", "kind"), [("true", "a truth value"), ("12", "a number"), ("2026-01-01", "a date")]
)
def test_what_is_no_text_to_yaml_is_named(tmp_path: Path, word: str, kind: str) -> None:
    said = refusal(tmp_path, f"rules: [{{id: v, type: vip_only, tiers: [{word}]}}]")
    shown = f'{word} is {kind} to YAML: put it in quotes, "{word}"'
    assert shown in said or f"it is {kind} to YAML: put it in quotes if" in said


def test_where_a_truth_value_is_wanted_it_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    yearly = "overrides: [{date: 2026-01-01, yearly: yes}]"
    calendar = f'{{calendar: c, week: {{mon: ["08:00-09:00"]}}, {yearly}}}'
    path.write_text(f'line: "*"\ncalendars: [{calendar}]\n{RULE}\n', encoding="utf-8")
    read_file(path)


@pytest.mark.parametrize(
    ("word", "number"), [("12:30", "750"), ("0123", "83"), ("1:00:00", "3600")]
)
def test_a_number_that_nobody_means_is_refused(tmp_path: Path, word: str, number: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"a: 1\nb: {word}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=rf":2: .*{word} is the number {number} to YAML"):
        YamlSource(path)
    path.write_text(f'b: "{word}"\nc: 0\nd: 10\ne: 0.5\nf: 127.0.0.1:80\n', encoding="utf-8")
    assert YamlSource(path).data["b"] == word


def test_a_line_that_is_named_no_is_told_the_quotes(tmp_path: Path) -> None:
    path = tmp_path / "ringfence.yaml"
    path.write_text("gateways: {}\nlines:\n  no: {gateway: g, session: s}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r':3: lines\.no: .*in quotes, "no"'):
        load_settings(path)
