"""A whole stack on one machine, for the demo, for development and for the tests. No production process imports it."""
