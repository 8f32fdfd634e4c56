import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

extension Bench {
    /// A client's connection that nothing serves yet, and the client's end of it.
    func unservedClient(_ mode: ProxyMode = .regular) async throws -> (client: Client, wire: Wire) {
        let (ours, theirs) = try await pair()
        return (Client(services: services, loop: loop, stream: ours, mode: mode), theirs)
    }

    /// A connection to a server, and the server's end of it.
    func upstream(
        to destination: Destination = Destination(scheme: "http", host: "a.test", port: 80),
        isRedirected: Bool = false
    ) async throws -> (connection: UpstreamConnection, wire: Wire) {
        let (ours, theirs) = try await pair()
        let info = ConnectionInfo(id: loop.makeID(), side: .server, number: 1)
        info.address = .init(host: destination.host, port: destination.port)
        let connection = UpstreamConnection(
            stream: ours,
            info: info,
            destination: destination,
            isRedirected: isRedirected,
            limits: HeadLimits()
        )
        return (connection, theirs)
    }
}

extension HTTPFlow {
    /// A GET for http://a.test/ but for what `change` makes of it.
    static func asking(_ change: (inout HTTPRequest) -> Void = { _ in }) -> HTTPFlow {
        var request = HTTPRequest.blank
        (request.host, request.headers) = ("a.test", ["Host": "a.test"])
        change(&request)
        let client = ConnectionInfo(id: "c1", side: .client(mode: "regular"), number: 1)
        return HTTPFlow(id: "f1", clientConnection: client, request: request)
    }
}

extension HTTPResponse {
    /// A server's 200 but for what `change` makes of it.
    static func answering(_ body: String = "", _ change: (inout HTTPResponse) -> Void = { _ in }) -> HTTPResponse {
        var response = HTTPResponse(
            status: 200,
            reason: Array("OK".utf8),
            version: .http11,
            headers: HeaderFields(),
            body: .whole(ByteBuffer(string: body)),
            timestampStart: 0,
            origin: .server
        )
        change(&response)
        return response
    }
}

extension BodyPart {
    /// The text of a piece, or its end with the names of its trailers.
    var text: String {
        switch self {
        case .data(let bytes): String(buffer: bytes)
        case .end(let trailers):
            (["end"]
                + (trailers.map { fields in
                    (0..<fields.count).map { String(decoding: fields.name(at: $0), as: UTF8.self) }
                } ?? []))
                .joined(separator: " ")
        }
    }
}

/// The error that `body` throws.
func flowError(
    at location: SourceLocation = #_sourceLocation,
    of body: () async throws(FlowError) -> Void
) async throws -> FlowError {
    do throws(FlowError) {
        try await body()
    } catch {
        return error
    }
    return try #require(nil, "nothing was thrown", sourceLocation: location)
}
