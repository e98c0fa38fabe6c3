"""The audit: proves from the topics alone that nothing vanished, crossed, doubled or came too late."""
