"""Plays the same stories with mitmproxy and with proxyd, and compares them."""
