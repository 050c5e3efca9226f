"""Speed and quality, measured against what a user would otherwise use.

``python -m benchmarks NAME --json`` runs one file and prints its figures as one JSON object;
``python -m benchmarks`` runs all of them and writes a table.
"""
