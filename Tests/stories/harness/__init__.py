"""What the stories are played with: the daemon, addons without SDK, origins and clients."""
