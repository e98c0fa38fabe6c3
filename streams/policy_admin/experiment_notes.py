"""What whoever applies a policy should know of its experiments, while nothing has happened yet.

Nothing here is refused: an experiment that nobody has looked at may be changed at will.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from models.policy import Experiment, Policy, PolicyDocument
from models.policy.document import read_policy
from streams.common.wording import moment
from streams.policies.experiments import shares_of, shares_of_rule
from streams.policy_admin.files import PolicyFile
from streams.policy_admin.store import Shelf

_Key = tuple[str, str]
"""``reply`` or ``rule``, and its name."""


@dataclass(frozen=True, slots=True)
class _Split:
    """How an experiment splits callers."""

    salt: str
    shares: Mapping[str, float]


def experiment_notes(files: Iterable[PolicyFile], shelf: Shelf | None) -> list[str]:
    """Sentences about what files would do to experiments that run, or ran, under their names.

    ``shelf`` None: what is applied is not known.
    """
    return [note for file in files for note in _of_file(file, shelf)]


def _of_file(file: PolicyFile, shelf: Shelf | None) -> Iterator[str]:
    if not isinstance(file.checked, Policy):
        return
    wanted = _splits(file.checked)
    yield from _shared_salts(file.key, wanted)
    if shelf is None:
        return
    there = shelf.in_force().get(file.key)
    runs = _read(there) if there is not None else {}
    for key, split in wanted.items():
        now = runs.get(key)
        if now is not None and now.salt == split.salt:
            yield from _moved(_words(file.key, key), now, split)
        elif split.salt:
            yield from _used_before(_words(file.key, key), key, split, shelf.history(file.key))


def _splits(policy: Policy) -> dict[_Key, _Split]:
    found = {
        ("reply", name): _Split(reply.salt, shares_of(reply))
        for name, reply in policy.replies.items()
        if isinstance(reply, Experiment)
    }
    return found | {
        ("rule", rule.id): _Split(rule.salt, shares_of_rule(rule))
        for rule in policy.rules
        if rule.holdout
    }


def _read(document: PolicyDocument) -> dict[_Key, _Split]:
    """The experiments of an applied document; none of one that this version cannot read."""
    try:
        return _splits(read_policy(document.document))
    except ValidationError:
        return {}


def _words(policy: str, key: _Key) -> str:
    return f"the {key[0]} {key[1]} of the policy {policy!r}"


def _moved(what: str, now: _Split, new: _Split) -> Iterator[str]:
    """The callers of an experiment that runs get other variants."""
    if now.shares == new.shares:
        return
    gone = [name for name in now.shares if name not in new.shares]
    change = f"{' and '.join(gone)} vanish{'' if len(gone) > 1 else 'es'} from" if gone else None
    yield (
        f"{change or 'the shares change of'} {what}, and its salt stays {now.salt!r}: some callers"
        " get another variant, count for the one that they had first, and only people of equal"
        " shares are compared. Change the salt too, and the experiment begins anew"
    )


def _used_before(
    what: str, key: _Key, new: _Split, history: Sequence[PolicyDocument]
) -> Iterator[str]:
    """An experiment gets a salt back that it had, and with it the callers of then."""
    for each in history:
        if each.kind == "policy" and not each.removed:
            then = _read(each).get(key)
            if then is not None and then.salt == new.salt:
                yield (
                    f"{what} had the salt {new.salt!r} before, in revision {each.revision} of"
                    f" {moment(each.applied_at_ms)}: callers get the variant of then, with what"
                    " they learned from it. Take a salt that was never used"
                )
                return


def _shared_salts(policy: str, wanted: Mapping[_Key, _Split]) -> Iterator[str]:
    by_salt: dict[str, list[_Key]] = {}
    for key, split in wanted.items():
        if split.salt:
            by_salt.setdefault(split.salt, []).append(key)
    for salt, keys in by_salt.items():
        if len(keys) > 1:
            names = " and ".join(f"the {of} {name}" for of, name in keys)
            yield (
                f"{names} of the policy {policy!r} have one salt, {salt!r}: they are split"
                " independently all the same, but one that is renamed to the other's name gets its"
                " callers. Give each a salt of its own"
            )
