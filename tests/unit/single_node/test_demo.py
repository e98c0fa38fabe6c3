"""The demo's configuration: no simulated call reaches a real gateway, and its policies compile."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.policy import Experiment
from streams.policy_admin.files import read_folder
from streams.settings import DEFAULT_CONFIG, load_settings
from streams.simulator.reactions import read_reactions
from streams.single_node.demo import TOKEN, write_demo
from streams.single_node.demo_experiment import HELD_OUT, SAID, with_experiment
from streams.single_node.scenes import LINES

SECRETS = {"WAHA_API_KEY", "WAHA_HMAC_KEY", "WAWP_TOKEN", "WAWP_SECRET"}


def test_demo_configuration_leads_to_the_simulator_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS - {"WAHA_API_KEY"}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WAHA_API_KEY", "set-already")
    run = write_demo(
        DEFAULT_CONFIG, "http://127.0.0.1:9", tmp_path, tmp_path / "run" / "ringfence.yaml"
    )
    data = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    urls = {name: gateway["base_url"] for name, gateway in data["gateways"].items()}
    assert urls == {"office": "http://127.0.0.1:9/office", "cloud": "http://127.0.0.1:9/cloud"}
    assert data["kafka"]["topic_prefix"] == "demo."
    assert run.reactions is None
    assert stat.S_IMODE(run.config.stat().st_mode) == 0o600
    assert set(run.secrets) == SECRETS - {"WAHA_API_KEY"}
    assert not any(
        value in run.config.read_text(encoding="utf-8") for value in run.secrets.values()
    )


def test_scenes_bring_lines_whose_policies_compile_with_ones_own(
    tmp_path: Path,
) -> None:
    own = DEFAULT_CONFIG.parent / "policies"
    run = write_demo(
        DEFAULT_CONFIG, "http://127.0.0.1:9", own, tmp_path / "ringfence.yaml", scenes=True
    )
    settings = load_settings(run.config, gateway_secrets=False)
    assert set(settings.lines) == {*run.called, *LINES}
    assert set(run.called) == set(
        yaml.safe_load(DEFAULT_CONFIG.read_text(encoding="utf-8"))["lines"]
    )
    _, book = read_folder(settings)
    for line in LINES:
        assert book.for_line(line).policy.line == line
    assert book.for_line("london").policy.line == "*"
    tried = book.for_line("london").policy.replies["text-first"]
    assert isinstance(tried, Experiment)
    assert run.reactions is not None
    dials = read_reactions(run.reactions)
    # in every language: the text that works is known by its words, and the other is not
    shares = {
        name: {dials.write(text) for text in variant.texts.values()}
        for name, variant in tried.variants.items()
    }
    assert shares == {"plain": {dials.told}, "reason": {dials.texts[0].write}}
    assert set(tried.variants["plain"].texts) == set(tried.variants["reason"].texts)
    assert "plain 15%, of those who get the text reason 65%; to 5%" in SAID
    held_out = {each.id: each.holdout for each in book.for_line("london").policy.rules}
    assert held_out == dict.fromkeys(held_out, 0.0) | {"text-first": HELD_OUT}
    assert dials.picked_up == 0.9
    assert "of strangers 20% are held out of the rule text-first and ring, where 90%" in SAID
    assert run.secrets[TOKEN] == run.token
    assert run.token not in run.config.read_text(encoding="utf-8")
    assert set(settings.bridge.tokens) == {"crm", "presence", "bridges"}


@pytest.mark.parametrize(
    "policy",
    [
        {"line": "london", "replies": {"text-first": {"en": "A"}}},
        {"line": "*", "replies": {"closed": {"en": "A"}}},
        {"line": "*", "replies": {"text-first": {"variants": {"a": {"texts": {"en": "A"}}}}}},
        {"line": "*"},
        {"calendar": "office"},
    ],
)
def test_what_has_no_such_plain_reply_stays_as_it_is(policy: dict[str, Any]) -> None:
    assert with_experiment(policy) == policy


def test_a_holdout_of_ones_own_stays() -> None:
    own = {"id": "text-first", "type": "text_first", "within": "1d", "holdout": 0.5}
    policy = {"line": "*", "rules": [own], "replies": {"text-first": {"en": "A"}}}
    assert with_experiment(policy)["rules"] == [own]
