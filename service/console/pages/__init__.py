"""One file for each page: what it shows, what it reads, what its forms do."""
