"""How a request becomes a call of a handler: declared operations, authentication, parameters, bodies, pages."""
