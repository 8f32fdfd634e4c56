"""Adds a header to every request and every response."""

from proxyd_addon import event, run


class AddHeader:
    @event(body="none")
    def request(self, flow):
        flow.request.headers["x-proxyd"] = "hello"

    @event(body="none")
    def response(self, flow):
        flow.response.headers["x-proxyd"] = "hello"


if __name__ == "__main__":
    run(AddHeader, name="add-header")
