"""`python -m evenflow` is the command line."""

from evenflow.cli import main

if __name__ == "__main__":
    main()
