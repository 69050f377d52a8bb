DROP TABLE delivery_attempts, deliveries, events, documents, jobs, processes, signing_secrets, api_keys, users;
DROP FUNCTION refuse_illegal_arrow();
