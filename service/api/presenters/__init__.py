"""The shapes that clients see: a file for each noun, with how a shape is made from rows of the database."""
