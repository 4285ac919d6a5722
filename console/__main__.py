"""`python -m console`, which `./alto` runs."""

from console.entry import main

if __name__ == "__main__":
    main()
