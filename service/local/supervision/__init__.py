"""What the supervisor and the servers of the local stack share: processes, their record, the messages."""
