"""The linear models, one per module, each with its parameters, its moments and its gradient."""
