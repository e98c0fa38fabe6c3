"""``ringfence audit`` and ``explain``: what the topics say."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click

from streams.cli.context import kafka_settings
from streams.errors import AuditError
from streams.options import DURATION, config_option, demo_option, example


@click.command(epilog=example("ringfence audit --since 1h", "ringfence audit --demo --json"))
@config_option
@demo_option
@click.option("--since", "since_ms", type=DURATION, default=None, metavar="DURATION", help="Such as 15m; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for machines.")
def audit(config: Path, since_ms: int | None, *, as_json: bool) -> None:
    """Prove from the topics alone that no call and no command vanished. Exits with 4 where it fails."""
    from streams.clock import now_ms
    from streams.console.auditing import audit_topics

    settings = kafka_settings(config)
    report = asyncio.run(audit_topics(settings, None if since_ms is None else now_ms() - since_ms))
    click.echo(json.dumps(report.as_dict(), indent=2) if as_json else "\n".join(report.lines()))
    if not report.holds:
        sys.exit(AuditError.exit_code)


@click.command(epilog=example("ringfence explain ABCDEF0123456789", "ringfence explain --demo ABCDEF0123456789"))
@config_option
@demo_option
@click.argument("call_id")
def explain(config: Path, call_id: str) -> None:
    """Tell one call's whole story: what was decided, by which rule, on which facts, and what came of it."""
    from streams.console.explain import explain as explain_call

    for line in asyncio.run(explain_call(kafka_settings(config), call_id)):
        click.echo(line)
