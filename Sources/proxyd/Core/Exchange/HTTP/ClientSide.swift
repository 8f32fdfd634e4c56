import AddonProtocol
import NIOCore
import ProxyCodecs

/// The client's end of one exchange, for any version of HTTP. Confined to the exchange's loop.
///
/// It exchanges the parts of messages. Their framing, and the fate of the connection, are up to the implementation.
protocol ClientSide: AnyObject, Sendable {
    /// Ends the exchange's waits, when the client leaves the exchange or the daemon stops.
    var interruption: Interruption { get }

    // MARK: The request

    /// What the request's head says about its body.
    var requestLength: BodyLength { get }
    /// Whether the request has been read to its end.
    var requestIsRead: Bool { get }
    /// Whether the next part can be read without a wait.
    var hasRequestPart: Bool { get }

    /// Waits for the next part of the request. Must not be called after its end. Not calling it applies back-pressure
    /// to the client.
    ///
    /// - Returns: nil when `stopWaiting` ended the wait.
    func nextRequestPart() async throws(FlowError) -> BodyPart?
    /// Ends a wait in `nextRequestPart`. The client may still send more.
    func stopWaiting()
    /// Gives up the rest of the request.
    func abandonRequest()

    // MARK: The response

    /// Sends an interim response (RFC 9110, section 15.2), unless the client's version does not support them.
    func send(interim head: ResponseHead)
    /// Sends the head of the final response. Its body follows in parts and an end.
    func send(_ response: HTTPResponse, _ body: OutgoingBody)
    /// Sends a part of the response's body.
    func send(part: ByteBuffer)
    /// Ends the response's body.
    func sendEnd(trailers: HeaderFields?)
    /// Sends a complete response.
    func send(whole response: HTTPResponse)
    /// Tells the client, by the means of its protocol, that its request has not been acted on.
    ///
    /// - Returns: whether the client's version has such means.
    func refuse() -> Bool
    /// Sends pending output.
    ///
    /// - Returns: whether the client has room for more.
    func send() -> Bool
    /// Waits until the client has room for more.
    func untilRoom() async throws(FlowError)

    // MARK: The end

    /// The raw connection, for another protocol after a 101; nil when other exchanges share the connection.
    var tunnel: ByteStream? { get }
    /// Sends the head of a 101. The tunnel follows it.
    func send(upgrade response: HTTPResponse)
    /// Sends the head of a 2xx to CONNECT. The tunnel follows it.
    func send(connected response: HTTPResponse)
    /// Ends the exchange, after all output has arrived.
    func finish() async
    /// Aborts the exchange without another word to the client.
    func abort()
}

extension ClientSide {
    /// Sends pending output; applies back-pressure while the client is slow.
    @inline(__always)
    func flush() async throws(FlowError) {
        if !send() { try await untilRoom() }
    }
}
