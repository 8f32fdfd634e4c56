"""An addon for proxyd: a function for each event that it handles (docs/events.md has them all)."""

from proxyd_addon import run


class Addon:
    def request(self, flow):
        """The request is complete. Changes to it are forwarded; setting flow.response would answer it."""
        flow.request.headers["x-addon"] = "my-addon"


if __name__ == "__main__":
    run(Addon, name="my-addon")
