"""The invented cases of the simulated portal, and the bytes of their documents."""
