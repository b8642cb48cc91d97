"""What can be derived: models, update rules, derivations and plateau laws, in SymPy."""
