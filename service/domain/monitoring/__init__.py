"""Values of watched cases: the monitor of a user, and the times of the checks."""
