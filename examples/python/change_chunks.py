"""Changes the first byte of each chunk of every text that a server answers, without holding any of it."""

from proxyd_addon import event, run


class ChangeChunks:
    @event(body="none")
    def responseheaders(self, flow):
        if flow.response.headers.get("content-type", "").startswith("text/"):
            flow.response.stream = "events"

    def response_data(self, flow, data, offset, end):
        return b"#" + data[1:] if data else None


if __name__ == "__main__":
    run(ChangeChunks, name="change-chunks")
