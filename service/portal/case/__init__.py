"""The case as data: parties, movements, instances, related cases, and what hides the names of sealed parties."""
