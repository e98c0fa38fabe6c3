"""Types of configuration values: what they take, and what they say of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.common.errors import ConfigurationError
from streams.common.setting_fields import checked_bootstrap
from streams.settings import load_settings


@pytest.mark.parametrize(
    "value", ["h:1", "kafka-1.example:9092, kafka_2:9093", "10.0.0.1:9092", "[::1]:9092"]
)
def test_brokers_are_taken_in_their_form(value: str) -> None:
    assert checked_bootstrap(value) == value.replace(" ", "")


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("kafka://h:9092", "has a scheme in front"),
        ("PLAINTEXT://h:9092", "has a scheme in front"),
        ("a:1;b:2", "is no HOST:PORT"),
        ("a:1 b:2", "is no HOST:PORT"),
        ("kafka", "has no port"),
        ("a:1,kafka.example", "'kafka.example' has no port"),
        ("a:1,", "is no HOST:PORT"),
        ("", "is no HOST:PORT"),
        ("h:", "is no HOST:PORT"),
        ("h:0", "is no HOST:PORT"),
        ("h:65536", "is no HOST:PORT"),
        ("h:http", "is no HOST:PORT"),
        ("::1:9092", "is no HOST:PORT"),
    ],
)
def test_brokers_in_another_form_are_told_it(value: str, wrong: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT, several with commas") as refused:
        checked_bootstrap(value)
    assert wrong in str(refused.value)


def test_a_password_among_the_brokers_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="a part with an @") as refused:
        checked_bootstrap("kafka://me:hunter2@h:9092")
    assert "hunter2" not in str(refused.value)


def test_both_places_of_the_brokers_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ringfence.yaml"
    path.write_text(
        "kafka: {bootstrap_servers: 'kafka://h:1'}\ngateways: {}\nlines: {}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match=r":1: kafka\.bootstrap_servers: .*HOST:PORT"):
        load_settings(path)
    path.write_text("gateways: {}\nlines: {}\n", encoding="utf-8")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a;b")
    with pytest.raises(ConfigurationError, match=r"KAFKA_BOOTSTRAP_SERVERS: .*HOST:PORT"):
        load_settings(path)
