"""What a process needs of its environment: variables, secrets that are too weak, and errors that stop a start."""
