"""How all processes share one access to the portal: its token, its slots, its pauses."""
