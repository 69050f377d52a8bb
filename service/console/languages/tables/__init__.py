"""The texts of the pages in both languages, one file for each topic."""
