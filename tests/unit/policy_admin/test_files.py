"""Policy files as people write them: the ready-made ones, the documents', and what is said of bad
ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from models.policy import Experiment, Policy
from models.policy.replies import Variant
from streams.common.errors import ConfigurationError
from streams.policy_admin.actions import CheckReport, check, check_alternatives
from streams.policy_admin.files import read_files
from streams.settings import DEFAULT_CONFIG, ROOT, load_settings
from tests.support.documents import blocks

SETTINGS = load_settings(DEFAULT_CONFIG, gateway_secrets=False)
READY = sorted((ROOT / "deploy" / "policies" / "ready").glob("*.yaml"))
ALTERNATIVE = 'line: "*"\nrules: [{id: h, type: quiet_hours, calendar: office}]\n'
DOCUMENTED = blocks("yaml policy")


def checked(*paths: Path) -> CheckReport:
    return check(paths, SETTINGS, None)


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        checked(path)
    return str(refused.value).replace(str(tmp_path), "")


def test_the_four_that_are_promised_are_there() -> None:
    assert {each.stem for each in READY} == {
        "clinic",
        "sales-vip",
        "global-support",
        "regulated-desk",
    }


def test_a_folder_of_alternatives_is_checked_one_by_one() -> None:
    reports = check_alternatives([READY[0].parent], SETTINGS, None)
    assert [report.by for report in reports] == READY
    assert reports[0].lines() == [
        f"{READY[0]}: sound, {reports[0].passed} cases decided as written"
    ]
    with pytest.raises(ConfigurationError, match="has a policy already"):
        check([READY[0].parent], SETTINGS, None)


def test_alternatives_are_read_with_the_calendars_beside(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ALTERNATIVE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(ALTERNATIVE.replace("office", "nowhere"), encoding="utf-8")
    (tmp_path / "l.yaml").write_text(ALTERNATIVE.replace('"*"', "london"), encoding="utf-8")
    (tmp_path / "office.yaml").write_text(
        'calendar: office\nweek: {mon-fri: ["09:00-17:00"]}\n', encoding="utf-8"
    )
    with pytest.raises(ConfigurationError) as refused:
        check_alternatives([tmp_path], SETTINGS, None)
    (said,) = str(refused.value).splitlines()
    assert said.startswith(f"{tmp_path / 'b.yaml'}:")
    (tmp_path / "b.yaml").write_text(ALTERNATIVE, encoding="utf-8")
    reports = check_alternatives([tmp_path], SETTINGS, None)
    assert [[each.key for each in report.files] for report in reports] == [
        ["london", "calendar/office"],
        ["*", "calendar/office"],
        ["*", "calendar/office"],
    ]


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_a_ready_made_policy_decides_its_cases_as_written(path: Path) -> None:
    report = checked(path)
    assert report.lines() == [f"*: sound, {report.passed} cases decided as written"]
    policy = report.files[0].checked
    assert isinstance(policy, Policy)
    assert report.passed >= 6
    assert policy.calendars
    variants = [
        each
        for reply in policy.replies.values()
        for each in (reply.variants.values() if isinstance(reply, Experiment) else [reply])
    ]
    locales = {frozenset(each.texts if isinstance(each, Variant) else each) for each in variants}
    assert all("en" in each and len(each) > 1 for each in locales)
    assert len(locales) == 1, "a locale is missing in one of the replies"


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_every_ready_made_rule_in_force_matters_to_a_case(path: Path) -> None:
    policy = read_files([path])[0].checked
    assert isinstance(policy, Policy)
    named = {case.rule for case in policy.cases}
    loose = {rule.id for rule in policy.rules} - named
    # lists that are empty at the start, and bursts, which the default policy's cases show
    assert loose <= {"emergency", "denied", "burst", "storm", "elsewhere"}


def test_the_default_policy_decides_its_cases_as_written() -> None:
    assert checked(ROOT / "deploy" / "policies").passed == 12


@pytest.mark.parametrize("text", DOCUMENTED, ids=lambda text: text.strip().partition("\n")[0][:40])
def test_a_policy_of_the_readme_decides_its_cases_as_written(tmp_path: Path, text: str) -> None:
    for n, document in enumerate(yaml.safe_load_all(text)):
        (tmp_path / f"{n}.yaml").write_text(
            yaml.safe_dump(document, sort_keys=False), encoding="utf-8"
        )
    report = checked(tmp_path)
    assert not report.failed, report.lines()


POLICY = """line: "*"
rules:
  - {id: hours, type: quiet_hours, calendar: office, reply: shut}
replies: {shut: {en: "Hello {name}, we are closed."}}
calendars:
  - calendar: office
    week: {mon-fri: ["09:00-17:00"]}
"""
HOURS = '["09:00-17:00"]'


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        (
            (HOURS, '["09:00-12:00", "11:00-17:00"]'),
            "/p.yaml:7: calendars.0.week.mon",
            "09:00-12:00 and 11:00-17:00 overlap",
        ),
        ((HOURS, "[9-17]"), "/p.yaml:7: calendars.0.week.mon", "HH:MM-HH:MM"),
        (
            ("week:", "zone: Europe/Londom\n    week:"),
            "/p.yaml:7: calendars.0.zone: ",
            "did you mean 'Europe/London'",
        ),
        (("week:", "extends: office\n    week:"), "/p.yaml:6: calendars.0: ", "office -> office"),
        (
            ("calendar: office, reply", "calendar: ofice, reply"),
            "/p.yaml:3: rules.0.calendar: ",
            "there: office",
        ),
        (("{name}", "{nick}"), "/p.yaml:4: replies.shut.en: ", "there are {name}"),
        (("{name}", "{upgrade_link}"), "/p.yaml:4: replies.shut.en: ", "needs links.upgrade"),
        (("closed.", "closed. {{}"), "/p.yaml:4: replies.shut.en: ", "braces do not match"),
        (("reply: shut", "reply: shutt"), "/p.yaml:", "not under replies (there: shut)"),
        (
            ('line: "*"', "line: rome"),
            "/p.yaml:1: line: ",
            "not a configured line (there: london, riyadh)",
        ),
        (
            (
                "  - {id: hours",
                "  - {id: own, type: expression, condition: 'stranger > 3'}\n  - {id: hours",
            ),
            "/p.yaml:3: rules.0.condition: ",
            "",
        ),
        (
            (
                "  - {id: hours",
                "  - {id: own, type: expression, condition: 'strnger'}\n  - {id: hours",
            ),
            "/p.yaml:3: rules.0.condition: ",
            "there is no fact 'strnger'; the facts are line, ",
        ),
        (
            ("  - {id: hours", "  - {id: h, type: hours}\n  - {id: hours"),
            "/p.yaml:3: rules.0",
            "quiet_hours",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_field_and_mend(
    tmp_path: Path, change: tuple[str, str], where: str, said: str
) -> None:
    assert change[0] in POLICY
    message = refusal(tmp_path, POLICY.replace(*change))
    assert where in message
    assert said in message


def test_a_case_is_in_those_holdouts_that_it_names_whoever_calls(tmp_path: Path) -> None:
    """Else it would hang on where a hash puts its number."""
    cases = [
        f"  - {{name: a{n}, given: {{caller: '+4477009001{n:02d}'{held}}}, verdict: {verdict}}}\n"
        for held, verdict in (("", "reject"), (", held_out: [r]", "ring"))
        for n in range(10)
    ]
    path = tmp_path / "p.yaml"
    rules = "rules: [{id: r, type: text_first, holdout: 0.3, salt: s}]\n"
    path.write_text(f"line: '*'\n{rules}cases:\n{''.join(cases)}", encoding="utf-8")
    (report,) = checked(path).lines()
    assert report == "*: sound, 20 cases decided as written"


@pytest.mark.parametrize(
    ("given", "where", "said"),
    [
        ("{wroten: 1d ago}", "given.wroten", "the words are now, line, zone, caller"),
        ("{wrote: yesterday}", "given.wrote", "3d ago, a time, or null"),
        ("{now: noon}", "given.now", "2026-12-24T18:00"),
        ("{caller: +44*}", "given.caller", "more than one caller"),
        ("{media: fax}", "given.media", "'fax' is none of voice, video"),
        ("{group: 1}", "given.group", "true or false"),
        ("{contact: {teir: gold}}", "given.contact", "'teir' is none of tier, name"),
        ("{contact: {time_zone: Paris}}", "given.contact", "no IANA time zone"),
        ("{agents: {mia: asleep}}", "given.agents", "none of online, busy, away, offline"),
        ("{agents: {online: 1, free: 2}}", "given.agents", "2 free agents of 1 online"),
        ("{bridges: {sbc-1: broken}}", "given.bridges", "none of up, down, full, silent"),
        ("{lists: {deny: [all]}}", "given.lists", "E.164"),
        ("{switch: auto}", "given.switch", "none of open, closed"),
        ("{blocked: true}", "given.blocked", "how much longer"),
        ("{calls: 3}", "given.calls", "[50s ago, 10s ago]"),
        ("{zone: Mars/Base}", "given.zone", "no IANA time zone"),
        ("{held_out: r}", "given.held_out", "[text-first]"),
        ("{held_out: [r]}", "given.held_out", "'r' is no rule with a holdout (there: none)"),
    ],
)
def test_what_a_case_gives_wrongly_is_told_with_what_is_allowed(
    tmp_path: Path, given: str, where: str, said: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        f"{POLICY}cases:\n  - {{name: it, given: {given}, verdict: ring}}\n", encoding="utf-8"
    )
    report = checked(path)
    assert report.failed
    (fault,) = report.faults
    assert f"p.yaml:9: cases.0.{where}: " in fault
    assert said in fault


def test_the_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("line: '*'\nrule: []\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        checked(tmp_path)
    assert [line.rpartition("/")[2][:9] for line in str(refused.value).splitlines()] == [
        "a.yaml:2:",
        "b.yaml:2:",
    ]


def test_calendars_in_a_circle_are_each_named(tmp_path: Path) -> None:
    for name, other in (("day", "night"), ("night", "day")):
        (tmp_path / f"{name}.yaml").write_text(
            f"calendar: {name}\nextends: {other}\n", encoding="utf-8"
        )
    with pytest.raises(ConfigurationError, match="day -> night -> day") as refused:
        checked(tmp_path)
    assert "night.yaml:2: extends: " in str(refused.value)


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(POLICY.encode("utf-16"))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        checked(path)


def test_a_failing_case_is_told_with_its_trace(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        f"{POLICY}cases:\n  - {{name: it, given: {{now: 2026-01-14T20:00}}, verdict: ring}}\n",
        encoding="utf-8",
    )
    report = checked(path)
    assert report.lines()[0].endswith("p.yaml:9: cases.0: expected ring, decided reject; case 'it'")
    assert report.lines()[1].startswith("    hours (quiet_hours) applies: closed")


@pytest.mark.parametrize(
    ("number", "said"),
    [(25_000, "line: the document has 400 kB"), (1_000_000, "a policy file has")],
)
def test_a_million_callers_belong_on_a_list(tmp_path: Path, number: int, said: str) -> None:
    callers = ",".join(f"'+44{n:010}'" for n in range(1, number + 1))
    message = refusal(
        tmp_path, f"line: '*'\nrules: [{{id: x, type: deny_list, callers: [{callers}]}}]\n"
    )
    assert f"/p.yaml:1: {said}" in message
    assert "ringfence lists import" in message


def test_a_key_that_is_no_text_to_yaml_is_refused(tmp_path: Path) -> None:
    cases = "cases: [{name: x, given: {agents: {1: online}}, verdict: ring}]\n"
    assert "/p.yaml:8: cases: a key is a number" in refusal(tmp_path, POLICY + cases)


@pytest.mark.parametrize(("line", "there"), [('"*"', "london, riyadh"), ("london", "london")])
def test_a_rule_for_a_line_that_is_not_there_is_refused(
    tmp_path: Path, line: str, there: str
) -> None:
    text = POLICY.replace('line: "*"', f"line: {line}").replace(
        "reply: shut}", "reply: shut, when: {lines: [londn]}}"
    )
    message = refusal(tmp_path, text)
    assert "/p.yaml:3: rules.0.when.lines: 'londn' is no line of this policy" in message
    assert f"(there: {there})" in message
