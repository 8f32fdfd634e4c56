import AddonSDK

/// An addon for proxyd: a protocol for each event that it handles (docs/events.md has them all).
@main
struct Addon: RequestHeadersHandler {
    let name = "my-addon"

    /// The request's head is here. What is changed is sent on; a `flow.response` would answer it.
    func requestheaders(_ flow: HTTPFlow) {
        flow.request.headers["x-addon"] = "my-addon"
    }
}
