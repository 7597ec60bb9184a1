"""The local stack without Docker: installs, starts, watches and stops every service of MarketPulse."""
