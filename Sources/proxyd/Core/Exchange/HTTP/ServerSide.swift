import AddonProtocol
import NIOCore
import ProxyCodecs

/// The server's end of one exchange, for any version of HTTP. Confined to the exchange's loop.
protocol ServerSide: AnyObject, Sendable {
    var info: ConnectionInfo { get }

    // MARK: The request

    /// Whether the server still accepts the request's body.
    var takesMore: Bool { get }

    /// Sends the head of the request. Its body follows in parts and an end.
    func send(_ request: HTTPRequest, _ body: OutgoingBody)
    /// Sends a part of the request's body.
    func send(part: ByteBuffer)
    /// Ends the request's body.
    func sendEnd(trailers: HeaderFields?)
    /// Sends a complete request.
    func send(whole request: HTTPRequest)
    /// Sends pending output.
    ///
    /// - Returns: whether the server has room for more.
    func send() -> Bool
    /// Waits until the server has room for more. It is no failure if the server stops reading: it may answer and close
    /// before it has read the whole request, and then its answer counts.
    func untilRoom() async

    // MARK: The response

    /// Waits for the next response head: any number of interim ones, then the final one.
    func nextHead() async throws(FlowError) -> ResponseHead
    /// What the final head says about its body.
    func responseLength() throws(FlowError) -> BodyLength
    /// Returns the next part of the response if it is available without a wait. Must not be called after its end.
    func presentResponsePart() throws(FlowError) -> BodyPart?
    /// Waits for the next part of the response. Must not be called after its end. Not calling it applies back-pressure
    /// to the server.
    ///
    /// - Returns: nil when `stopWaiting` ended the wait.
    func nextResponsePart() async throws(FlowError) -> BodyPart?
    /// Ends a wait in `nextResponsePart`. The server may still send more.
    func stopWaiting()

    // MARK: The end

    /// Whether the connection may have been closed before the request reached the server.
    var mayHaveBeenStale: Bool { get }
    /// The raw connection, for another protocol after a 101; nil when other exchanges share the connection.
    var tunnel: ByteStream? { get }
    /// Releases the connection after the complete response. It can be reused if the request has been sent completely,
    /// too.
    func release(requestIsSent: Bool)
    /// Aborts the exchange.
    func end()
}

extension ServerSide {
    /// Sends pending output; applies back-pressure while the server is slow.
    @inline(__always)
    func flush() async {
        if !send() { await untilRoom() }
    }
}
