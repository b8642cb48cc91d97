"""The LaTeX of claims for readers without LaTeX, and words with Unicode letters for LaTeX."""
