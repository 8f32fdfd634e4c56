"""mitmproxy's in-process counterpart of header_addon.c."""


def request(flow):
    flow.request.headers["x-bench"] = "1"


def response(flow):
    flow.response.headers["x-bench"] = "1"
