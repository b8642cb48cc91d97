"""What can be drawn: one Matplotlib figure per module, in one shared style."""
