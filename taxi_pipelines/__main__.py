"""`python -m taxi_pipelines` is `taxi`."""

from taxi_pipelines.cli.main import main

if __name__ == "__main__":
    main()
