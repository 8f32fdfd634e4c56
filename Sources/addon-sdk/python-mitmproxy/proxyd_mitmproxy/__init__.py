"""Runs addons written for mitmproxy on proxyd: mitmproxy's data classes, options and commands, without its proxy core."""

__version__ = "0.1.0"
