"""Prints one line for every flow when it ends."""

from proxyd_addon import event, run


class LogFlows:
    @event(mode="observe", body="none")
    def response(self, flow):
        print(flow.request.method, flow.request.url, flow.response.status_code, flush=True)

    @event(mode="observe", body="none")
    def error(self, flow):
        print(flow.request.method, flow.request.url, flow.error.msg, flush=True)


if __name__ == "__main__":
    run(LogFlows, name="log-flows")
