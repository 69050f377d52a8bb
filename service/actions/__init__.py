"""The actions of the API and the workers: each runs its transaction, and enqueues messages after the commit."""
