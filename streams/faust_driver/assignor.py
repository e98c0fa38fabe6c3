"""Which worker owns which partitions: of each topic those only on which keys are placed."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor
from typing_extensions import override


class _Placed:
    """A cluster's metadata, without the partitions that somebody added to a topic."""

    def __init__(self, cluster: Any, partitions: int) -> None:
        self._cluster = cluster
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The topic's partitions on which keys are placed; None where it is not there."""
        found = self._cluster.partitions_for_topic(topic)
        return None if found is None else {each for each in found if each < self._partitions}


class Assignor(PartitionAssignor):
    """Faust's own assignor for topics that may have grown.

    Faust owns together what has the same number of partitions, which is read from the cluster: a
    topic to which somebody adds partitions would be parted from its tables, and every worker would
    end, at every start.
    """

    @override
    def assign(
        self, cluster: Any, member_metadata: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """The partitions of each member; called on the one that leads the group."""
        placed: Any = _Placed(cluster, self.app.conf.topic_partitions)
        return super().assign(placed, member_metadata)


class SoleAssignor(Assignor):
    """Gives everything to one member of the group; the others have nothing, and stand by.

    For an app whose rows belong together whatever partition they are on. Who has something already
    keeps it.
    """

    @override
    def assign(
        self, cluster: Any, member_metadata: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """The partitions of each member; called on the one that leads the group."""
        sole = min(member_metadata, key=lambda name: (not _owned(member_metadata[name]), name))
        # who subscribes to nothing is given nothing
        asking = {
            name: each if name == sole else type(each)(each.version, [], each.user_data)
            for name, each in member_metadata.items()
        }
        return super().assign(cluster, asking)


def _owned(member: Any) -> int:
    """How many topics' partitions a member has by its own account."""
    metadata: Any = ClientMetadata.loads(member.user_data)
    return len(metadata.assignment.actives)
