"""What is sent to subscribers and how: payload, signature, client, and what an answer means."""
