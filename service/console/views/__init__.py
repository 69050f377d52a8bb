"""What several pages show: bars, pages of lists, the head of a case."""
