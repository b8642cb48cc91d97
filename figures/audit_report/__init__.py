"""The audit as a report: one HTML page that needs nothing else, LaTeX, JSON, and figures of what does not hold."""
