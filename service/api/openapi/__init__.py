"""`/openapi.json` and the Postman collection, made from the operations and their types."""
