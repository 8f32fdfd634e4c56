import FlyingFox
import FlyingSocks
import Foundation

extension HTTPResponse {
    /// The same with another body.
    func with(_ body: HTTPBodySequence) -> HTTPResponse {
        HTTPResponse(statusCode: statusCode, headers: headers, body: body)
    }

    /// An answer after which the connection ends, if some of the request's body may be unread.
    ///
    /// FlyingFox would read that as the next request. It reads small bodies to their end itself.
    func ending(after request: HTTPRequest) async -> HTTPResponse {
        let isTaken = request.method == .POST && statusCode == .ok
        guard !request.hasSmallBody, !isTaken, let data = try? await bodyData else { return self }
        var response = with(HTTPBodySequence(from: LastBytes(bytes: Array(data)), count: data.count))
        response.headers[.connection] = "close"
        return response
    }

}

extension HTTPRequest {
    /// Whether FlyingFox reads the body to its end though nobody asks for it (`sharedRequestReplaySize`).
    var hasSmallBody: Bool { bodySequence.count.map { $0 <= 2_097_152 } ?? false }
}

/// A body after which sending fails, and with it the connection.
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
