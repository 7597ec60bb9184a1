"""Entry points for spark-submit: each parses its arguments and calls the modules above."""
