# ruff: noqa: A005  (the package under test is called so)
