"""What arq calls: claim a job or a delivery, do it, write what came of it."""
