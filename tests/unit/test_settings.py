"""Configuration and policy files: every fault has file, line, key and mend; no secret is ever
shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.common.errors import ConfigurationError
from streams.common.yaml_source import YamlSource
from streams.gateways.registry import gateway_of
from streams.gateways.wawp.settings import WawpSettings
from streams.policy_admin.files import read_folder
from streams.settings import DEFAULT_CONFIG, Settings, load_settings
from tests.support.facts import reject, text

SECRETS = st.from_regex(r"[A-Za-z0-9_-]{12,40}", fullmatch=True)
CONFIG = """\
policies: rules
gateways:
  waha:
    provider: waha
    base_url: http://127.0.0.1:3000/
    api_key: ${T_API_KEY}
    webhook_secret: ${T_HOOK}
  cloud:
    provider: wawp
    base_url: https://api.wawp.net
    access_token: ${T_TOKEN}
    webhook_secret: ${T_CLOUD}
lines:
  london: {gateway: waha, session: default, time_zone: Europe/London}
  riyadh: {gateway: cloud, session: 0A1B2C3D4E5F, webhook_session: default, locale: ar}
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    for name in ("T_API_KEY", "T_HOOK", "T_TOKEN", "T_CLOUD"):
        monkeypatch.setenv(name, f"value-of-{name}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ringfence.yaml"


def read(path: Path, old: str = "", new: str = "", **more: Any) -> Settings:
    """The configuration above with one thing changed."""
    assert old in CONFIG
    path.write_text(CONFIG.replace(old, new, 1) if old else CONFIG, encoding="utf-8")
    return load_settings(path, **more)


def refused(path: Path, old: str, new: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(path, old, new)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_right_configuration_is_read_with_its_secrets(path: Path) -> None:
    found = read(path)
    assert found.gateways["waha"].base_url == "http://127.0.0.1:3000"
    assert found.gateways["waha"].webhook_secret[0].get_secret_value() == "value-of-T_HOOK"
    assert found.line_for("cloud", "default") == "riyadh"
    assert found.line_for("cloud", "0A1B2C3D4E5F") is None
    assert found.line_for("waha", "default") == "london"
    assert found.policies == path.parent / "rules"
    assert found.kafka.bootstrap_servers is None


def test_the_environment_names_the_cluster(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", " broker:9092 ")
    assert read(path).kafka.bootstrap_servers == "broker:9092"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "said"),
    [
        (
            "Europe/London",
            "Europe/Londom",
            14,
            "lines.london.time_zone",
            "no IANA time zone; write it like",
        ),
        ("Europe/London", "+01:00", 14, "lines.london.time_zone", "no IANA time zone"),
        (
            "gateway: waha,",
            "gateway: ofice,",
            1,
            "the document",
            "not under gateways (there: cloud, waha)",
        ),
        (
            "base_url: https://api.wawp.net",
            "base_url: api.wawp.net",
            10,
            "gateways.cloud.base_url",
            "http://",
        ),
        ("https://api.wawp.net", "https://", 10, "gateways.cloud.base_url", "with a host"),
        (
            "https://api.wawp.net",
            "https://u:pw@api.wawp.net",
            10,
            "gateways.cloud.base_url",
            "no credentials",
        ),
        (
            "https://api.wawp.net",
            "https://api.wawp.net?key=1",
            10,
            "gateways.cloud.base_url",
            "no credentials, query",
        ),
        (
            "https://api.wawp.net",
            "https://api.wawp.net:99999",
            10,
            "gateways.cloud.base_url",
            "with a host",
        ),
        (
            "${T_API_KEY}",
            "in-the-clear",
            6,
            "gateways.waha.api_key",
            "${NAME} for an environment variable or file:",
        ),
        ("${T_API_KEY}", "${T_UNSET}", 6, "gateways.waha.api_key", "T_UNSET is not set; export it"),
        (
            "${T_API_KEY}",
            "file:/nowhere/key",
            6,
            "gateways.waha.api_key",
            "/nowhere/key cannot be read",
        ),
        ("    api_key: ${T_API_KEY}\n", "", 3, "gateways.waha.api_key", "is missing; write it"),
        ("api_key:", "apikey:", 6, "gateways.waha.apikey", "there is no such key here"),
        (
            "provider: wawp",
            "provider: wapp",
            8,
            "gateways.cloud",
            "'wapp' is not known; do you mean 'wawp'?",
        ),
        ("policies: rules", "polices: rules", 1, "polices", "there is no such key here"),
        ("policies: rules", "worker: {listen: 8081}", 1, "worker.listen", "string"),
        ("policies: rules", "worker: {listen: localhost}", 1, "worker.listen", "HOST:PORT"),
        (
            "policies: rules",
            "worker: {session_timeout: 3 sec}",
            1,
            "worker.session_timeout",
            "60s, 15m, 12h",
        ),
        ("policies: rules", "worker: {session_timeout: 10ms}", 1, "worker.session_timeout", "1000"),
        ("policies: rules", "attrition: {horizons: []}", 1, "attrition.horizons", "at least 1"),
        ("policies: rules", "attrition: {horizons: [24h, 1d]}", 1, "attrition", "name each once"),
        ("policies: rules", "attrition: {horizons: [14d]}", 1, "attrition", "longer than 13d"),
        ("policies: rules", "attrition: {lateness: 10ms}", 1, "attrition.lateness", "1000"),
        (
            "policies: rules",
            "kafka: {partitions: 0}",
            1,
            "kafka.partitions",
            "greater than or equal to 1",
        ),
        ("policies: rules", "kafka: {password: open}", 1, "kafka.password", "never in the clear"),
        ("  london:", "  London Office:", 14, "lines.London Office", "pattern"),
        ("session: default,", "session: '',", 14, "lines.london.session", "at least 1 character"),
    ],
)
def test_a_fault_has_file_line_key_and_mend(
    path: Path, old: str, new: str, line: int, key: str, said: str
) -> None:
    message = refused(path, old, new)
    assert f"{path}:{line}: {key}: " in message
    assert said in message


def test_all_faults_are_listed_at_once(path: Path) -> None:
    path.write_text(
        CONFIG.replace("Europe/London", "Nowhere")
        .replace("${T_TOKEN}", "open")
        .replace("http://", "ftp://"),
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "gateways.waha.base_url",
        "gateways.cloud.access_token",
        "lines.london.time_zone",
    ]


def test_a_gateway_may_be_named_like_its_provider(path: Path) -> None:
    # pydantic puts the provider into the error's path, where it must not be taken for the gateway's
    # name
    message = refused(path, "${T_API_KEY}", "in-the-clear")
    assert f"{path}:6: gateways.waha.api_key: " in message


def test_two_gateways_with_one_secret_are_refused(path: Path) -> None:
    for shared in ("${T_HOOK}", '["${T_CLOUD}", "${T_HOOK}"]'):
        message = refused(path, "webhook_secret: ${T_CLOUD}", f"webhook_secret: {shared}")
        assert "gateways 'waha' and 'cloud' have the same webhook_secret" in message
        assert "give each a secret of its own" in message
        assert "value-of" not in message


def test_two_lines_with_one_webhook_session_are_refused(path: Path) -> None:
    message = refused(
        path,
        "  riyadh:",
        "  leeds: {gateway: waha, session: x, webhook_session: default}\n  riyadh:",
    )
    assert "lines 'london' and 'leeds' have the same gateway and webhook session" in message
    assert "give each its own" in message


def test_two_gateways_may_use_one_session_name(path: Path) -> None:
    read(path, "webhook_session: default, ", "")
    read(path, "session: 0A1B2C3D4E5F, webhook_session: default", "session: default")


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("lines:", "gateways: {}\nlines:", 13, "gateways"),
        ("  riyadh:", "  london: {gateway: waha, session: two}\n  riyadh:", 15, "london"),
        ("locale: ar}", "locale: ar, locale: en}", 15, "locale"),
        ("    api_key:", "    api_key: ${T_HOOK}\n    api_key:", 7, "api_key"),
    ],
)
def test_a_key_that_stands_twice_is_refused(
    path: Path, old: str, new: str, line: int, key: str
) -> None:
    assert f"{path}:{line}: the key '{key}' stands twice" in refused(path, old, new)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: [1, 2", 1),
        (b"a: 1\n b: 2", 2),
        (b"a: *nothing", 1),
        (b"a: 1\nb: !odd x", 2),
        (b"a: 1\nb: 2024-13-45", 2),
        (b"a: 1\nb: \x07", 2),
        (b"? [a]\n: b", 1),
        (b"a: 1\n---\nb: 2", 2),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(path: Path, content: bytes, line: int) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"ringfence.yaml:{line}: not valid YAML: "):
        YamlSource(path)


@given(st.text(max_size=60) | st.text(alphabet="ab: -[]{}&*!?'\"\n|>%@`#,0123456789", max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_text_is_a_document_or_a_fault_of_the_file(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8", newline="")
    try:
        document = YamlSource(path)
    except ConfigurationError as exc:
        assert str(path) in str(exc)  # noqa: PT017 - both ends are right; nothing else may come out
    else:
        assert document.line_of(("a", 0, "b")) >= 1


def test_an_alias_of_itself_is_refused_and_not_followed_for_ever(path: Path) -> None:
    path.write_text("gateways: &a {b: *a}\nlines: {}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="gateways"):
        load_settings(path)


def test_a_missing_file_a_folder_and_bytes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load_settings(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match="is a folder"):
        load_settings(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_settings(tmp_path / "b.yaml")


@pytest.mark.parametrize("content", ["", "[]", "text", "5"])
def test_what_is_no_configuration_is_refused(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"ringfence.yaml:1: .*(gateways|required)"):
        load_settings(path)


# secrets


def test_a_secret_file_gives_its_first_line(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("  the-key \nsecond\n", encoding="utf-8")
    found = read(path, "${T_TOKEN}", f"file:{secret}").gateways["cloud"]
    assert isinstance(found, WawpSettings)
    assert found.access_token.get_secret_value() == "the-key"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"\n\n", "is empty"), (b"\xffabc", "no UTF-8 text")]
)
def test_a_secret_file_without_a_secret_is_refused(
    path: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "key").write_bytes(content)
    assert said in refused(path, "${T_TOKEN}", f"file:{tmp_path / 'key'}")


def test_a_blank_variable_is_unset_and_a_key_has_no_line_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_HOOK", "key\n")
    assert read(path).gateways["waha"].webhook_secret[0].get_secret_value() == "key"
    monkeypatch.setenv("T_HOOK", "  ")
    assert "T_HOOK is not set" in refused(path, "policies: rules\n", "")


def test_without_gateway_secrets_only_references_may_dangle(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("T_TOKEN")
    found = read(path, gateway_secrets=False).gateways
    assert found["cloud"].webhook_secret[0].get_secret_value() == "value-of-T_CLOUD"
    with pytest.raises(ConfigurationError, match="never in the clear"):
        read(path, "${T_TOKEN}", "open", gateway_secrets=False)


GUARDED = """kafka:
  security_protocol: SASL_SSL
  username: ${T_USER}
  password: ${T_PASSWORD}
"""


def test_processes_share_a_file_and_not_a_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_PASSWORD", "value-of-T_PASSWORD")
    assert "T_USER is not set" in refused(path, "policies: rules\n", f"{GUARDED}policies: rules\n")
    monkeypatch.setenv("T_USER", "ringfence-bridge")
    found = read(path, "policies: rules\n", f"{GUARDED}policies: rules\n").kafka
    assert found.username == "ringfence-bridge"


def test_what_reaches_nothing_needs_no_secret(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("T_TOKEN", "T_HOOK", "T_CLOUD"):
        monkeypatch.delenv(name, raising=False)
    found = read(path, "policies: rules\n", f"{GUARDED}policies: rules\n", offline=True)
    assert (found.kafka.username, found.kafka.password is not None) == ("not-read", True)
    with pytest.raises(ConfigurationError, match="never in the clear"):
        read(path, "policies: rules\n", GUARDED.replace("${T_PASSWORD}", "open"), offline=True)


def test_a_secret_may_be_two_while_it_is_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_NEW", "the-new-one")
    both = read(path, "webhook_secret: ${T_HOOK}", 'webhook_secret: ["${T_NEW}", "${T_HOOK}"]')
    assert [each.get_secret_value() for each in both.gateways["waha"].webhook_secret] == [
        "the-new-one",
        "value-of-T_HOOK",
    ]
    assert "the-new-one" not in repr(both)
    for wrong in (
        "[]",
        '["${T_NEW}", "${T_NEW}", "${T_NEW}"]',
        '["${T_NEW}", "open"]',
        '["${T_NONE}"]',
        "[{}]",
    ):
        assert "gateways.waha.webhook_secret" in refused(
            path, "webhook_secret: ${T_HOOK}", f"webhook_secret: {wrong}"
        )


def test_tokens_are_long_secrets_for_roles_that_there_are(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_CRM", "c" * 20)
    monkeypatch.setenv("T_SHORT", "c" * 19)
    found = read(
        path,
        "policies: rules\n",
        "bridge: {tokens: {crm: ['${T_CRM}', '${T_CRM}'], presence: '${T_CRM}'}}\n",
    )
    assert {role: len(tokens) for role, tokens in found.bridge.tokens.items()} == {
        "crm": 2,
        "presence": 1,
    }
    assert "cccc" not in repr(found)
    assert "openssl rand" in refused(
        path, "policies: rules\n", "bridge: {tokens: {crm: '${T_SHORT}'}}\n"
    )
    assert "'crm', 'presence' or 'bridges'" in refused(
        path, "policies: rules\n", "bridge: {tokens: {boss: '${T_CRM}'}}\n"
    )
    assert "never in the clear" in refused(
        path, "policies: rules\n", f"bridge: {{tokens: {{crm: {'c' * 20}}}}}\n"
    )


@pytest.mark.parametrize(
    ("kafka", "said"),
    [
        ("{security_protocol: SASL_SSL}", "needs username and password"),
        ("{security_protocol: SASL_SSL, username: me}", "needs username and password"),
        ("{security_protocol: SSL, certificate_file: c.pem}", "belong together"),
        ("{security_protocol: SSL, key_file: k.pem}", "belong together"),
        ("{ca_file: ca.pem}", "ca_file is for TLS"),
    ],
)
def test_half_a_security_of_kafka_is_refused(path: Path, kafka: str, said: str) -> None:
    assert said in refused(path, "policies: rules\n", f"kafka: {kafka}\n")


PLACES = [
    ("${T_API_KEY}", "{}"),
    ("${T_API_KEY}", "'{}'"),
    ("${T_API_KEY}", "*{}"),
    ("${T_API_KEY}", "!{} x"),
    ("${T_API_KEY}", "!<{}> x"),
    ("${T_API_KEY}", "[{}]"),
    ("${T_API_KEY}", "{{a: {}}}"),
    ("${T_API_KEY}", "!!int {}"),
    ("${T_API_KEY}", '"{}'),
    ("${T_API_KEY}", "&{0} *{0}"),
    ("    api_key: ${T_API_KEY}", "    key_of_mine: {}"),
    ("policies: rules", "kafka: {{password: {}}}"),
    ("policies: rules", "kafka: {{sasl: {}}}"),
]


@pytest.mark.parametrize(("old", "form"), PLACES)
@given(secret=SECRETS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_a_secret_in_the_clear_is_refused_and_never_repeated(
    path: Path, old: str, form: str, secret: str
) -> None:
    message = refused(path, old, form.format(secret))
    assert secret not in message


@given(secret=SECRETS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_no_error_and_no_repr_shows_a_secret(path: Path, secret: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("T_API_KEY", "T_HOOK", "T_TOKEN"):
            patch.setenv(name, secret)
        found = read(path)
        shown = [
            repr(found),
            str(found),
            found.model_dump_json(),
            refused(path, "Europe/London", "Nowhere"),
        ]
        for gateway in found.gateways.values():
            provider = gateway_of(gateway).requests(gateway)
            asked = [
                provider.reject(reject()),
                provider.text(text(), "Hello"),
                provider.health("default"),
            ]
            shown += [repr(provider), *map(repr, asked)]
            sent = [request.body or b"" for request in asked] + [
                str(request.headers).encode() for request in asked
            ]
            assert any(secret.encode() in part for part in sent)
    assert not [part for part in shown if secret in part]


# policies


def policies(path: Path, **files: str) -> str:
    """What is said of these policy files."""
    found = read(path)
    found.policies.mkdir(exist_ok=True)
    for name, content in files.items():
        (found.policies / f"{name}.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_folder(found)
    return str(caught.value)


def test_policies_are_read_by_line(path: Path) -> None:
    found = read(path)
    found.policies.mkdir()
    (found.policies / "a.yaml").write_text('line: "*"\n', encoding="utf-8")
    (found.policies / "b.yml").write_text("line: london\ntexts: {cooldown: 1h}\n", encoding="utf-8")
    _, book = read_folder(found)
    assert book.for_line("london").policy.texts.cooldown == 3_600_000
    assert book.for_line("riyadh").policy.line == "*"


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("line: paris\n", 1, "line: 'paris' is not a configured line (there: london, riyadh)"),
        ('line: "*"\nrules:\n  - {id: a, type: burst, calls: 1}\n', 3, "rules.0.calls: "),
        (
            'line: "*"\nrules:\n  - id: a\n    type: burst\n    within: 60\n    wihtin: 5s\n',
            6,
            "rules.0.wihtin: ",
        ),
        (
            'line: "*"\nrules:\n  - id: a\n    type: burst\n    within: 1 minute\n',
            5,
            "rules.0.within: a duration is",
        ),
        ('line: "*"\nreplies:\n  burst:\n    English: x\n', 4, "replies.burst.English: "),
        ('line: "*"\nline: "*"\n', 2, "the key 'line' stands twice"),
        ("", 1, "the document: "),
        ('line: "*"\nrules: [{id: a, type: burst, reply: x}]\n', 1, "names the reply 'x'"),
    ],
)
def test_a_policy_fault_has_file_line_and_key(
    path: Path, content: str, line: int, said: str
) -> None:
    message = policies(path, common=content)
    assert f"{path.parent / 'rules' / 'common.yaml'}:{line}: " in message
    assert said in message


def test_two_policies_of_one_line_are_refused_with_both_files(path: Path) -> None:
    message = policies(path, first='line: "*"\n', second='# again\nline: "*"\n')
    assert "second.yaml:2: line: '*' has a policy already, in" in message
    assert "first.yaml" in message


def test_no_folder_and_no_file_are_named(path: Path) -> None:
    found = read(path)
    with pytest.raises(
        ConfigurationError, match="rules: the policies folder does not exist; create it"
    ):
        read_folder(found)
    found.policies.mkdir()
    with pytest.raises(ConfigurationError, match=r"no policy file .*\.yaml"):
        read_folder(found)


def test_the_default_configuration_and_policies_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    text_of = DEFAULT_CONFIG.read_text(encoding="utf-8")
    for gateway in yaml.safe_load(text_of)["gateways"].values():
        for value in gateway.values():
            if value.startswith("${"):
                monkeypatch.setenv(value[2:-1], f"value-of-{value[2:-1]}")
    found = load_settings(DEFAULT_CONFIG)
    _, book = read_folder(found)
    rules = [rule.id for rule in book.for_line("london").policy.rules]
    assert rules == ["emergency", "allowed", "denied", "storm", "burst", "text-first"]
