"""The cast of the stories: the daemon, addons without an SDK, origins and clients."""
