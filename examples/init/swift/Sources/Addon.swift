import AddonSDK

/// An addon for proxyd: a protocol for each event that it handles (docs/events.md has them all).
@main
struct Addon: RequestHeadersHandler {
    let name = "my-addon"

    /// The request's head has been read. Changes to it are forwarded; setting `flow.response` would answer it.
    func requestheaders(_ flow: HTTPFlow) {
        flow.request.headers["x-addon"] = "my-addon"
    }
}
