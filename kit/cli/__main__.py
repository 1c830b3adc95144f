"""`python -m kit.cli`: the command, where no script of it is on the path."""

from kit.cli.app import main

if __name__ == "__main__":
    main()
