"""Redis and arq: the messages that wake workers, and what to do while Redis is away. PostgreSQL knows what is due."""
