"""mitmproxy's in-process counterpart of bench_addon.c."""


def request(flow):
    flow.request.headers["x-bench"] = "1"


def response(flow):
    flow.response.headers["x-bench"] = "1"


def websocket_message(flow):
    message = flow.websocket.messages[-1]
    message.content += b">" if message.from_client else b"<"
