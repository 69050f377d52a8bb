"""The servers of the stack of one machine: how each is started and checked."""
