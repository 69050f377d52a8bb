"""`autos demo`: the main job once, from an empty machine to a verified webhook and an update."""
