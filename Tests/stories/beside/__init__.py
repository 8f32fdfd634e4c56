"""The same stories given to mitmproxy and to proxyd, and what differs."""
