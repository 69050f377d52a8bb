"""The client of the PDPJ portal. The Portuguese names of the portal are used in this package only."""
