"""The only package with SQL: one file per noun, one function per query.

Functions take the connection first, and the caller owns the transaction. "Now" is the database's clock.
"""
