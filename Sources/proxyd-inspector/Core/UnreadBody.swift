import FlyingFox
import FlyingSocks
import Foundation

extension HTTPResponse {
    /// The same answer with another body.
    func with(_ body: HTTPBodySequence) -> HTTPResponse {
        HTTPResponse(statusCode: statusCode, headers: headers, body: body)
    }

    /// An answer that closes the connection if some of the request's body may be unread.
    ///
    /// Otherwise FlyingFox would read the rest as the next request. It consumes small bodies itself.
    func ending(after request: HTTPRequest) async -> HTTPResponse {
        let isTaken = request.method == .POST && statusCode == .ok
        guard !request.hasSmallBody, !isTaken, let data = try? await bodyData else { return self }
        var response = with(HTTPBodySequence(from: LastBytes(bytes: Array(data)), count: data.count))
        response.headers[.connection] = "close"
        return response
    }

}

extension HTTPRequest {
    /// Whether FlyingFox consumes the body even if nobody reads it (`sharedRequestReplaySize`).
    var hasSmallBody: Bool { bodySequence.count.map { $0 <= 2_097_152 } ?? false }
}

/// A body whose end fails the sending, and so closes the connection.
private struct LastBytes: AsyncBufferedSequence {
    typealias Element = UInt8

    struct Ended: Error {}

    let bytes: [UInt8]

    struct AsyncIterator: AsyncBufferedIteratorProtocol {
        var bytes: [UInt8]

        mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? {
            guard !bytes.isEmpty else { throw Ended() }
            defer { bytes = [] }
            return bytes
        }

        mutating func next() async throws -> UInt8? { throw Ended() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bytes: bytes) }
}
