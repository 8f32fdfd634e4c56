import AddonSDK

/// Answers 403 for the hosts given as arguments: `example-block-host ads.example tracker.example`.
@main
struct BlockHost: HTTPConnectHandler, RequestHandler {
    let name = "block-host"
    private let hosts = Set(CommandLine.arguments.dropFirst().map { $0.lowercased() })

    func httpConnect(_ flow: HTTPFlow) { block(flow) }
    func request(_ flow: HTTPFlow) { block(flow) }

    private func block(_ flow: HTTPFlow) {
        guard hosts.contains(flow.request.host.lowercased()) else { return }
        flow.response = HTTPResponse(
            status: 403,
            headers: ["content-type": "text/plain; charset=utf-8"],
            body: "\(flow.request.host) is blocked\n"
        )
    }
}
