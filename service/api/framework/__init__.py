"""How a request becomes a call of a handler: declared operations, who asks, what was sent, pages of lists."""
