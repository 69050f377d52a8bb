"""The servers of the stack of one machine: how each is started and asked whether it works."""
