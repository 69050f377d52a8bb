"""What the doors have done: one function for each verb, with its transaction and what is rung after the commit."""
