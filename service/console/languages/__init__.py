"""Portuguese and English: which of them, the texts, and how numbers, sizes and times are written."""
