"""The commands of the front door, a module for each of its parts. Each command imports what it needs: `--help` answers at once."""
