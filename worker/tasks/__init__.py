"""The tasks that arq calls: claim a job or a delivery, do the work, write the result."""
