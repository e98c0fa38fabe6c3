"""A real Prometheus of a test, with the scrape configuration and the rules that are shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml

from streams.settings import ROOT
from tests.support.monitoring import rules, shortened
from tests.support.processes import Process, environment, free_port

BIN: Final = ROOT / ".cache" / "prometheus" / "usr" / "bin"
"""``tests/run operations`` makes it."""
SHIPPED: Final = ROOT / "deploy" / "compose" / "prometheus.yaml"


class Prometheus(Process):
    """Scrapes every two seconds, and evaluates the shipped rules, shortened, each second."""

    def __init__(self, folder: Path, targets: Mapping[str, Sequence[str]]) -> None:
        """``targets``: where processes show their metrics, by component as the shipped file has
        them; not started."""
        assert (BIN / "prometheus").exists(), f"{BIN} is empty: `tests/run operations` fills it"
        folder.mkdir()
        (folder / "rules.yaml").write_text(yaml.safe_dump(shortened(rules())), encoding="utf-8")
        (folder / "prometheus.yaml").write_text(
            yaml.safe_dump(_configuration(folder, targets)), encoding="utf-8"
        )
        address = f"127.0.0.1:{free_port()}"
        command = [
            str(BIN / "prometheus"),
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ]
        super().__init__(
            "prometheus",
            command,
            f"http://{address}/-/ready",
            folder / "prometheus.log",
            environment(),
        )
        self.url = f"http://{address}"

    async def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        found = await self._ask("alerts")
        return {
            each["labels"]["alertname"] for each in found["alerts"] if each["state"] == "firing"
        }

    async def history(self, expr: str, begin_s: float, end_s: float) -> list[dict[str, Any]]:
        """The series of an expression between two times, second by second.

        Raises ``ValueError`` where it is none.
        """
        found: list[dict[str, Any]] = (
            await self._ask("query_range", query=expr, start=str(begin_s), end=str(end_s), step="1")
        )["result"]
        return found

    async def _ask(self, what: str, **parameters: str) -> dict[str, Any]:
        url = f"{self.url}/api/v1/{what}"
        async with aiohttp.ClientSession() as http, http.get(url, params=parameters) as answer:
            said = await answer.json()
        if said["status"] != "success":
            raise ValueError(said["error"])
        data: dict[str, Any] = said["data"]
        return data


def _configuration(folder: Path, targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The shipped one with intervals of a second or two, and the addresses of a test."""
    document: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    document["global"] = {
        "scrape_interval": "2s",
        "scrape_timeout": "2s",
        "evaluation_interval": "1s",
    }
    document["rule_files"] = [str(folder / "rules.yaml")]
    (job,) = document["scrape_configs"]
    for each in job["static_configs"]:
        urls = targets[each["labels"]["component"]]
        each["targets"] = [url.removeprefix("http://") for url in urls]
    return document
