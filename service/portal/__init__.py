"""The PDPJ portal as a client sees it. Its Portuguese stays here."""
