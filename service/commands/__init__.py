"""The commands of `autos`: one file for each noun."""
