import AddonSDK

/// An answer given instead of the server's.
struct Answer: Sendable {
    var status = 200
    var headers: [(name: String, values: [String])] = []
    var body = Content.bytes([])
    /// The media type of the body, used when no field gives one.
    var mediaType: String?

    var readsFile: Bool { if case .file = body { true } else { false } }

    func response() throws(ActionFailure) -> HTTPResponse {
        var fields = Headers()
        for (name, values) in headers { for value in values { fields.add(name, value) } }
        if let mediaType, !fields.contains("content-type") { fields.add("content-type", mediaType) }
        return HTTPResponse(status: status, headers: fields, body: try body.bytes(orAnswer: 502))
    }
}

/// How a request is refused.
enum Refusal: Sendable {
    case status(Int)
    /// The connection is closed without an answer.
    case close
}

/// A line of mitmproxy's `block_list`.
struct ListedRefusal: Sendable {
    let condition: Condition
    let refusal: Refusal
}

/// Redirects the client to another URL.
struct Redirect: Sendable {
    let target: URLMapping
    let status: Int

    func response(for url: String) -> HTTPResponse? {
        target.mapped(url).map { HTTPResponse(status: status, headers: ["location": $0]) }
    }
}

/// How long to delay.
struct Delay: Sendable {
    let time: Duration
    /// The delay varies at random by at most this much either way.
    let jitter: Duration

    static let longest = Duration.seconds(50)

    func wait() async throws {
        let spread = jitter / .milliseconds(1)
        let shift = spread > 0 ? Double.random(in: -spread...spread) : 0
        try await Task.sleep(for: max(.zero, time + .microseconds(Int64(shift * 1000))))
    }
}
