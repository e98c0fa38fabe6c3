"""Takes what stands on the topics, record by record, into the results of all experiments.

Whether a *text* brings people back is judged by attrition's episodes: a person counts from the
first reject that took effect. Whether a *rule's* reject costs contact cannot be: who is held out is
not rejected, and the call that rings at once would count as a return. So for both sides of a rule
it is asked whether the caller and somebody of the line came in touch within the horizon: the caller
wrote, a call was picked up (that first one too), or somebody of the line wrote by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from models.attrition import (
    AttritionClosed,
    AttritionEvent,
    AttritionOpened,
    AttritionReturned,
)
from models.decisions import Assignment, Decision
from streams.experiments.exposures import Exposure, Trial, trials_of
from streams.experiments.identities import JoinedIdentities
from streams.experiments.judge import judge
from streams.experiments.result import ExperimentResult, Warned
from streams.experiments.warnings import salts_used_twice

Contact = Literal["wrote", "talked", "reached"]
"""How a caller and the line came in touch: the caller wrote, a call was picked up, or somebody of
the line wrote by hand."""


@dataclass(slots=True)
class _Episode:
    """What attrition says of one episode."""

    caller: str
    at_ms: int
    told: bool = False
    returned: str | None = None
    after_ms: int | None = None
    watched_ms: int = 0
    censored_after_ms: int | None = None


@dataclass(slots=True)
class Trials:
    """All experiments of what was read. Keeps each person of an experiment in memory.

    A decision (``decided``) comes before its episode, and it and the links of its caller
    (``linked``) before the contacts of the caller; in all else the order does not matter, and
    repeats change nothing. Who is known by several identities is one person, whenever that was
    learned: the first assignment under any of them counts, and who was put into two variants by
    them is left out and counted apart (``people``).
    """

    _of_decision: dict[str, tuple[tuple[Trial, Assignment], ...]] = field(default_factory=dict)
    _episodes: dict[str, _Episode] = field(default_factory=dict)
    _rule_exposures: dict[tuple[str, str], dict[str, Exposure]] = field(default_factory=dict)
    """By line and caller, then by the decision's id and the rule's trial."""
    _contacts: dict[tuple[str, str], list[tuple[int, Contact]]] = field(default_factory=dict)
    """By line and the identity that somebody came in touch under."""
    _identities: JoinedIdentities = field(default_factory=JoinedIdentities)
    _in_a_rule: set[tuple[str, str]] | None = None
    """The lines and persons of the rules' trials; None: to be worked out anew."""

    def linked(self, alias: str, caller: str) -> None:
        """Two identities are one person."""
        self._identities.join(alias, caller)
        self._in_a_rule = None

    def decided(self, decision: Decision) -> None:
        """A call was decided."""
        found = tuple(trials_of(decision))
        replies = tuple(each for each in found if each[0].of == "reply")
        if replies:
            self._of_decision[decision.decision_id] = replies
        for trial, assignment in found:
            if trial.of == "rule":
                self._in_a_rule = None
                of = self._rule_exposures.setdefault((decision.line, decision.caller), {})
                of[f"{decision.decision_id} {trial.experiment} {trial.salt}"] = Exposure(
                    caller=decision.caller, at_ms=decision.decided_at_ms, assignment=assignment
                )

    def attrition(self, event: AttritionEvent) -> None:
        """Attrition says of an episode that it began, that its caller came back, or how it stands.

        An episode of which no horizon has closed is open, whatever the time is: the app that closes
        them may be behind.
        """
        match event:
            case AttritionOpened():
                self.began(event.episode_id, event.caller, event.at_ms)
            case AttritionReturned():
                self.returned(
                    event.episode_id, event.caller, event.what, event.after_ms, told=event.told
                )
            case AttritionClosed():
                if event.what is not None and event.after_ms is not None:
                    self.returned(
                        event.episode_id, event.caller, event.what, event.after_ms, told=event.told
                    )
                self.closed(
                    event.episode_id,
                    event.caller,
                    event.horizon_ms,
                    told=event.told,
                    censored_after_ms=event.censored_after_ms,
                )
            case _:
                assert_never(event)

    def began(self, episode_id: str, caller: str, at_ms: int) -> None:
        """An episode began: the reject of that decision took effect."""
        if episode_id in self._of_decision:
            self._episodes.setdefault(episode_id, _Episode(caller, at_ms))

    def returned(
        self, episode_id: str, caller: str, how: str, after_ms: int, *, told: bool | None
    ) -> None:
        """The caller of an episode came back."""
        episode = self._episodes.get(episode_id)
        if episode is not None:
            self.linked(episode.caller, caller)
            episode.returned, episode.after_ms = how, after_ms
            episode.told = episode.told or bool(told)

    def closed(
        self,
        episode_id: str,
        caller: str,
        horizon_ms: int,
        *,
        told: bool | None,
        censored_after_ms: int | None = None,
    ) -> None:
        """A horizon of an episode has closed: so far all is known, or nobody can know any more."""
        episode = self._episodes.get(episode_id)
        if episode is not None:
            self.linked(episode.caller, caller)
            episode.told = episode.told or bool(told)
            episode.watched_ms = max(episode.watched_ms, horizon_ms)
            if censored_after_ms is not None:
                episode.censored_after_ms = censored_after_ms

    def contact(self, line: str, caller: str, how: Contact, at_ms: int) -> None:
        """A caller and a line came in touch: for the holdouts of rules."""
        if (line, self._identities.person(caller)) in self._people_of_rules():
            self._contacts.setdefault((line, caller), []).append((at_ms, how))

    def exposures(self) -> dict[Trial, list[Exposure]]:
        """Who was put into which variant of which experiment, and what they did next."""
        found: dict[Trial, list[Exposure]] = {}
        for trial, exposure in (*self._of_replies(), *self._of_rules()):
            found.setdefault(trial, []).append(exposure)
        return dict(sorted(found.items()))

    def results(
        self, *, until_ms: int, horizon_ms: int
    ) -> tuple[list[ExperimentResult], list[Warned]]:
        """Each experiment judged, and what they have to do with one another.

        ``until_ms`` and ``horizon_ms`` as ``judge`` has them; the horizon must be one of those that
        attrition closes (``attrition.horizons``).
        """
        exposures = self.exposures()
        judged = [
            judge(trial, each, until_ms=until_ms, horizon_ms=horizon_ms)
            for trial, each in exposures.items()
        ]
        return judged, salts_used_twice(exposures)

    def _of_replies(self) -> Iterator[tuple[Trial, Exposure]]:
        for episode_id, episode in self._episodes.items():
            for trial, assignment in self._of_decision[episode_id]:
                yield (
                    trial,
                    Exposure(
                        caller=self._identities.person(episode.caller),
                        at_ms=episode.at_ms,
                        assignment=assignment,
                        told=episode.told,
                        returned=episode.returned,
                        returned_after_ms=episode.after_ms,
                        watched_ms=episode.watched_ms,
                        censored_after_ms=episode.censored_after_ms,
                    ),
                )

    def _people_of_rules(self) -> set[tuple[str, str]]:
        if self._in_a_rule is None:
            self._in_a_rule = {
                (line, self._identities.person(caller)) for line, caller in self._rule_exposures
            }
        return self._in_a_rule

    def _of_rules(self) -> Iterator[tuple[Trial, Exposure]]:
        contacts: dict[tuple[str, str], list[tuple[int, Contact]]] = {}
        for (line, caller), found in self._contacts.items():
            contacts.setdefault((line, self._identities.person(caller)), []).extend(found)
        for found in contacts.values():
            found.sort()
        for (line, caller), exposures in self._rule_exposures.items():
            person = self._identities.person(caller)
            for each in exposures.values():
                trial = Trial(
                    line=line,
                    of="rule",
                    experiment=each.assignment.experiment,
                    salt=each.assignment.salt,
                )
                known = replace(each, caller=person)
                yield trial, _with_first(known, contacts.get((line, person), ()))


def _with_first(exposure: Exposure, contacts: Iterable[tuple[int, Contact]]) -> Exposure:
    """The exposure with the first contact after it."""
    first = next((each for each in contacts if each[0] >= exposure.at_ms), None)
    if first is None:
        return exposure
    return replace(exposure, returned=first[1], returned_after_ms=first[0] - exposure.at_ms)
