"""Redis and arq: what is rung, and what to do while Redis is away. PostgreSQL knows what is due."""
