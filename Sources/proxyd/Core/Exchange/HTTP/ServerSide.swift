import AddonProtocol
import NIOCore
import ProxyCodecs

/// The server's end of one exchange, whatever version of HTTP it speaks; confined to the exchange's loop.
protocol ServerSide: AnyObject, Sendable {
    var info: ConnectionInfo { get }

    // MARK: The request

    /// Whether the server still takes the request's body.
    var takesMore: Bool { get }

    /// The head of the request, behind which its body follows in parts and an end.
    func send(_ request: HTTPRequest, _ body: OutgoingBody)
    func send(part: ByteBuffer)
    func sendEnd(trailers: HeaderFields?)
    /// A request that is all there.
    func send(whole request: HTTPRequest)
    /// Sends what was written.
    ///
    /// - Returns: whether the server has room for more.
    func send() -> Bool
    /// Waits until the server has room for more. That it takes no more is no failure: it may answer, and close, before it
    /// has taken the whole request, and then the answer counts.
    func untilRoom() async

    // MARK: The response

    /// The next response head: any number of interim ones, then the final one.
    func nextHead() async throws(FlowError) -> ResponseHead
    /// What the final head says of the body behind it.
    func responseLength() throws(FlowError) -> BodyLength
    /// The next of the response's body if it is there, without a wait; not to be called after its end.
    func presentResponsePart() throws(FlowError) -> BodyPart?
    /// The next of the response's body; not to be called after its end. Who does not call it holds the server back.
    ///
    /// - Returns: nil when `stopWaiting` ended the wait.
    func nextResponsePart() async throws(FlowError) -> BodyPart?
    /// Ends a wait of `nextResponsePart` for the server, which may still send more.
    func stopWaiting()

    // MARK: The end

    /// Whether the connection may have been closed before the request came to the server.
    var mayHaveBeenStale: Bool { get }
    /// The connection as bytes, for another protocol after a 101; nil where other exchanges share it.
    var tunnel: ByteStream? { get }
    /// The response has been read to its end; other requests may follow, if the request has been sent to its end.
    func release(requestIsSent: Bool)
    /// The exchange is cut off.
    func end()
}

extension ServerSide {
    /// Sends what was written, and waits until the server has room for more.
    @inline(__always)
    func flush() async {
        if !send() { await untilRoom() }
    }
}
