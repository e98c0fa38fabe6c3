"""``ringfence topics``: Ringfence's topics on the cluster."""

from __future__ import annotations

import asyncio
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import click

from streams.cli.options import config_option, demo_option, example, json_option
from streams.cli.output import say, say_all, say_json
from streams.cli.startup import kafka_settings


@click.group()
def topics() -> None:
    """Create and check Ringfence's topics."""


@topics.command(name="apply", epilog=example("ringfence topics apply"))
@config_option
@demo_option
def topics_apply(config: Path) -> None:
    """Create missing topics and correct settings.

    Also the changelogs of tables. May be repeated. Partitions are never changed.
    """
    from streams.kafka import needs, topics_admin

    settings = kafka_settings(config)
    applied = asyncio.run(topics_admin.apply(settings.kafka))
    created = [*applied.created, *asyncio.run(needs.create_changelogs(settings.kafka))]
    for name in created:
        say(f"{name}: created")
    for each in applied.repaired:
        say(f"{each.topic}: {each.setting} was {each.found}, is {each.wanted}")
    for each in applied.left:
        say(each.describe(), err=True)
    if any(each.what != "surplus" for each in applied.left):
        sys.exit(1)
    if not created and not applied.repaired:
        say("all topics are as they should be")


@topics.command(
    name="check", epilog=example("ringfence topics check", "ringfence topics check --acls")
)
@config_option
@demo_option
@click.option("--acls", is_flag=True, help="Also whether each process may do what it must.")
@json_option
def topics_check(config: Path, *, acls: bool, as_json: bool) -> None:
    """Tell what this version needs that the cluster lacks.

    Topics, their settings, and changelogs of tables. Changes nothing; exits with 1 where something
    is to be done before this version starts.
    """
    from streams.kafka import needs, topics_admin

    kafka = kafka_settings(config).kafka
    differences = asyncio.run(topics_admin.check(kafka))
    differences += asyncio.run(needs.check_changelogs(kafka))
    denied = asyncio.run(needs.check_acls(kafka)) if acls else []
    differences += denied or []
    wrong = any(each.what != "surplus" for each in differences)
    if as_json:
        say_json([{**asdict(each), "hint": each.describe()} for each in differences])
    else:
        for each in differences:
            say(each.describe())
        if denied is None:
            say("the cluster has no authorizer: everybody may do everything")
        if not wrong:
            say("all topics are as they should be")
    if wrong:
        sys.exit(1)


@topics.command(
    name="list", epilog=example("ringfence topics list", "ringfence topics list --json")
)
@config_option
@demo_option
@json_option
def topics_list(config: Path, *, as_json: bool) -> None:
    """List every topic.

    With partitions, retention and key, and who writes and reads it.
    """
    from streams.kafka import topics_admin

    settings = kafka_settings(config).kafka
    found = asyncio.run(topics_admin.found(settings))
    if as_json:
        say_json(topics_admin.listing_json(settings, found))
        return
    for line in topics_admin.listing(settings, found):
        say(line)


@topics.command(
    name="schema",
    epilog=example(
        "ringfence topics schema calls.decisions",
        "ringfence topics schema > schemas.json",
    ),
)
@click.argument("names", metavar="[TOPIC]...", nargs=-1)
def topics_schema(names: tuple[str, ...]) -> None:
    """Print the JSON Schema of a topic's values.

    Without TOPIC, of each topic's under its name. TOPIC is without the prefix. Needs no cluster;
    models/asyncapi.yaml has the same with keys, headers and examples.
    """
    from models.schemas import schema_of
    from streams.kafka.topic_names import topics_named

    found = topics_named(names)
    if len(names) == 1:
        say_json(schema_of(found[0]))
        return
    say_json({topic.name: schema_of(topic) for topic in found})


@topics.command(
    name="acls",
    epilog=example(
        "ringfence topics acls",
        "ringfence topics acls --commands | sh",
    ),
)
@config_option
@click.option(
    "--commands",
    "as_commands",
    is_flag=True,
    help="Print the calls of kafka-acls that allow it; $KAFKA_ACLS names the tool.",
)
def topics_acls(config: Path, *, as_commands: bool) -> None:
    """List who may do what on a cluster with an authorizer.

    One user for each process, with the least that it needs. Reaches no cluster.
    """
    from streams.common.table import table
    from streams.kafka import acls
    from streams.settings import load_settings

    kafka = load_settings(config, offline=True).kafka
    if as_commands:
        say("set -eu")
        tool = "ringfence kafka tool kafka-acls"
        for arguments in acls.commands(kafka):
            say(f"${{KAFKA_ACLS:-{tool}}} {shlex.join(arguments)}")
        return
    for line in table([acls.HEAD, *acls.rows(kafka)]):
        say(line)


@topics.command(
    name="strimzi",
    epilog=example(
        "ringfence topics strimzi topics --cluster kafka > topics.yaml",
        "ringfence topics strimzi users --cluster kafka > users.yaml",
    ),
)
@config_option
@click.argument("kind", type=click.Choice(["topics", "users"]))
@click.option(
    "--cluster",
    default="kafka",
    show_default=True,
    metavar="NAME",
    help="The name of the Kafka resource.",
)
def topics_strimzi(config: Path, kind: str, cluster: str) -> None:
    """Print topics or users for Strimzi on Kubernetes.

    As resources of that operator. Reaches no cluster.
    """
    from streams.kafka import strimzi
    from streams.settings import load_settings

    kafka = load_settings(config, offline=True).kafka
    make = strimzi.topics if kind == "topics" else strimzi.users
    say_all(strimzi.document(make(kafka, cluster)).rstrip("\n"))
