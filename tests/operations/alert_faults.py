"""The fault behind each alert: how it is made in a scene, and how it ends."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from models.callbacks import Callback
from models.policy import PolicyDocument
from models.records import policy_document, reference
from streams.common.clock import now_ms
from streams.simulator.faults import GatewayFault
from tests.operations.alert_scene import AWAY, CAPPED, ILL, SLOW, Scene, cloud_gateway, write_policy

SOURCE: Final = "/test"
OWED: Final = "447700900999@c.us"
FIVE_HOURS_MS: Final = 5 * 3_600_000
Step = Callable[[Scene], Awaitable[None]]


async def nothing(_scene: Scene) -> None:
    """Nothing more is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Steps are awaited in this order."""

    alerts: tuple[str, ...]
    """What fires because of it."""
    make: Step = nothing
    stir: Step = nothing
    """About once a second until all of its alerts fire."""
    end: Step = nothing
    stir_after: Step = nothing
    """About once a second until none of them fires."""


async def call_capped(scene: Scene) -> None:
    await scene.call(CAPPED)


async def raise_cap(scene: Scene) -> None:
    write_policy(scene.folder, CAPPED)
    await scene.cli("policy", "apply", str(scene.folder / "policies"))


async def owe(scene: Scene) -> None:
    at_ms = now_ms()
    owed = Callback(
        caller=OWED,
        line="london",
        state="open",
        reason="busy",
        decision_id="london/CALLBACK",
        opened_at_ms=at_ms - FIVE_HOURS_MS,
    )
    await scene.producer.send(reference(owed, SOURCE, at_ms))


async def call_back(scene: Scene) -> None:
    await scene.cli("callbacks", "close", OWED)


async def apply_unknown_rule(scene: Scene) -> None:
    """As a newer release may, which knows more rules."""
    document = PolicyDocument(
        kind="policy",
        name=SLOW,
        revision="000000000000",
        author="somebody",
        applied_at_ms=now_ms(),
        document={"line": SLOW, "rules": [{"id": "new", "type": "of_tomorrow"}]},
    )
    await scene.producer.send(*policy_document(document, SOURCE))


async def apply_right_policy(scene: Scene) -> None:
    write_policy(scene.folder, SLOW)
    await scene.cli("policy", "apply", str(scene.folder / "policies"))


async def log_out(scene: Scene) -> None:
    scene.gateway.set_session(AWAY, "SCAN_QR_CODE")


async def log_in(scene: Scene) -> None:
    scene.gateway.set_session(AWAY, "WORKING")


async def slow_down(scene: Scene) -> None:
    scene.cloud.dial(GatewayFault(kind="latency", operation="reject", delay_ms=1_500))


async def call_slow(scene: Scene) -> None:
    """One call that waits long for the gateway's only connection, and one that cannot so long."""
    await scene.call_slow()
    await scene.call_slow(age_s=42)


async def speed_up(scene: Scene) -> None:
    scene.cloud.dial()


async def call_often(scene: Scene) -> None:
    """Until twenty rejects were quick for one that was not."""
    for _ in range(5):
        await scene.call()


async def refuse_rejects(scene: Scene) -> None:
    scene.gateway.add_faults(
        GatewayFault(kind="engine_cannot", operation="reject", probability=0.5)
    )


async def swallow_answers(scene: Scene) -> None:
    scene.gateway.add_faults(GatewayFault(kind="drop", operation="text", acts=True))


async def be_sound(scene: Scene) -> None:
    scene.gateway.dial()


async def replay_old_call(scene: Scene) -> None:
    await scene.call(age_s=70)


async def stop_session(scene: Scene) -> None:
    scene.gateway.set_session(ILL, "STOPPED")


async def call_ill(scene: Scene) -> None:
    for _ in range(3):
        await scene.call(ILL)


async def start_session(scene: Scene) -> None:
    scene.gateway.set_session(ILL, "WORKING")


async def stop_gateway(scene: Scene) -> None:
    await scene.stop_cloud()


async def call_without_gateway(scene: Scene) -> None:
    """Its webhooks still come: from the simulator that plays the others."""
    for _ in range(3):
        await scene.call(SLOW)


async def start_gateway(scene: Scene) -> None:
    scene.cloud = cloud_gateway(scene.settings)
    await scene.cloud.start()


async def freeze_worker(scene: Scene) -> None:
    scene.parts.worker.freeze()


async def thaw_worker(scene: Scene) -> None:
    scene.parts.worker.thaw()


async def freeze_attrition(scene: Scene) -> None:
    """The standby has counted nothing yet, and takes over when the group has given this one up."""
    (await scene.active_attrition()).freeze()


async def thaw_attrition(scene: Scene) -> None:
    for each in scene.attritions:
        each.thaw()


async def stop_kafka(scene: Scene) -> None:
    """No calls under way, or workers would end over what they can tell nobody."""
    assert scene.broker.process is not None
    scene.traffic.clear()
    scene.broker.process.send_signal(signal.SIGSTOP)


async def call_in_vain(scene: Scene) -> None:
    await scene.call()


async def start_kafka(scene: Scene) -> None:
    assert scene.broker.process is not None
    scene.broker.process.send_signal(signal.SIGCONT)
    scene.traffic.set()


SLOW_ANSWERS: Final = (
    Fault(
        alerts=("RingfenceCommandsLate", "RingfenceRejectsSlow", "RingfenceWorkerBehind"),
        make=slow_down,
        stir=call_slow,
        end=speed_up,
        stir_after=call_often,
    ),
)
"""First, while there are few rejects: each slow one takes twenty that are quick to outweigh it."""
PEOPLE: Final = (
    Fault(
        alerts=("RingfenceNoStrangerTextsLeft", "RingfenceCallersNotTold"),
        stir=call_capped,
        end=raise_cap,
        stir_after=call_capped,
    ),
    Fault(alerts=("RingfenceCallbackOverdue",), make=owe, end=call_back),
    Fault(alerts=("RingfencePoliciesRefused",), make=apply_unknown_rule, end=apply_right_policy),
    Fault(alerts=("RingfenceLineAway", "RingfenceRuleSuspended"), make=log_out, end=log_in),
)
WRONG_ANSWERS: Final = (
    Fault(alerts=("RingfenceCommandsFailed",), make=refuse_rejects, end=be_sound),
    Fault(alerts=("RingfenceOutcomesUnknown",), make=swallow_answers, end=be_sound),
    Fault(alerts=("RingfenceOffersLate",), stir=replay_old_call),
)
OUTAGES: Final = (
    Fault(
        alerts=("RingfenceSessionCircuitOpen",),
        make=stop_session,
        stir=call_ill,
        end=start_session,
    ),
    Fault(
        alerts=("RingfenceGatewayDown", "RingfenceGatewayCircuitOpen"),
        make=stop_gateway,
        stir=call_without_gateway,
        end=start_gateway,
    ),
)
PROCESSES: Final = (
    Fault(
        alerts=("RingfenceOffersUndecided", "RingfenceAuditFindings", "RingfenceProcessDown"),
        make=freeze_worker,
        end=thaw_worker,
    ),
    Fault(alerts=("RingfenceAnalyticsBehind",), make=freeze_attrition, end=thaw_attrition),
)
KAFKA: Final = (
    Fault(
        alerts=(
            "RingfenceBridgeWithoutKafka",
            "RingfenceWebhooksUnavailable",
            "RingfenceAuditBehind",
        ),
        make=stop_kafka,
        stir=call_in_vain,
        end=start_kafka,
    ),
)

ACTS: Final = (SLOW_ANSWERS, PEOPLE, WRONG_ANSWERS, OUTAGES, PROCESSES, KAFKA)
"""One after another; faults of one act are there at the same time."""

SEEN: Final = tuple(name for act in ACTS for fault in act for name in fault.alerts)
UNSEEN: Final[dict[str, str]] = {}
"""Alerts whose fault cannot be made here, and why."""
