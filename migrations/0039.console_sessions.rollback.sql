DROP TABLE IF EXISTS console_tokens;
DROP TABLE IF EXISTS console_sessions;
