"""The only package that speaks SQL: one file per noun, one function per query.

Functions take the connection first, and the caller owns the transaction. Time is the database's.
"""
