import NIOCore

extension TLSHandler {
    static var closedLocally: TLSError {
        TLSError(.closedLocally, blame: .us, "the connection was closed here before the TLS handshake was over")
    }

    /// Continues the handshake of a client whose `clientHello` has completed. Does nothing if the connection has ended
    /// meanwhile, which fails `handshake`.
    package func accept(_ settings: TLSServerSettings) {
        guard state == .awaitingDecision, let context else { return }
        do throws(TLSError) {
            try connection.accept(settings)
        } catch {
            return fail(context, error)
        }
        resume(context)
    }

    /// Ends the handshake with this alert; `handshake` fails with code `refused`.
    package func refuse(_ alert: TLSAlert) {
        guard state == .awaitingDecision, let context else { return }
        connection.refuse(alert)
        resume(context)
    }

    func start(_ context: ChannelHandlerContext) {
        guard state == .idle else { return }
        if connection.role == .client { clientHelloPromise.fail(Self.noClientHello) }
        resume(context)
    }

    private func resume(_ context: ChannelHandlerContext) {
        state = .handshaking
        timeout = context.eventLoop.assumeIsolated().scheduleTask(in: handshakeTimeout) { self.timedOut() }
        step(context)
    }

    func step(_ context: ChannelHandlerContext) {
        let step = connection.handshake()
        sendCiphertext(context)
        switch step {
        case .needsBytes: context.read()
        case .needsDecision(let hello): suspend(hello)
        case .complete: establish(context)
        case .failed(let error): fail(context, error)
        }
    }

    private func suspend(_ hello: ClientHello) {
        state = .awaitingDecision
        timeout?.cancel()
        clientHelloPromise.succeed(hello)
    }

    private func establish(_ context: ChannelHandlerContext) {
        state = .established
        timeout?.cancel()
        handshakePromise.succeed(connection.session)
        guard state == .established else { return }
        encryptFlushed(context)
        holdsBytes = true
        if isReadRequested { readHeldBytes() }
    }

    private func timedOut() {
        guard let context, state == .handshaking else { return }
        let seconds = Double(handshakeTimeout.nanoseconds) / 1e9
        fail(context, TLSError(.timedOut, blame: .peer, "the TLS handshake was not over after \(seconds) s"))
    }

    /// Ends the connection: fails the pending futures, or else fires an error down the pipeline, and closes the channel.
    func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
        let wasEstablished = state == .established
        state = .closed
        timeout?.cancel()
        failPromises(error)
        pendingWrites.fail(error)
        if wasEstablished { context.fireErrorCaught(error) }
        context.close(promise: nil)
    }

    /// Does nothing to promises that are complete.
    func failPromises(_ error: TLSError) {
        clientHelloPromise.fail(error)
        handshakePromise.fail(error)
    }

    private static var noClientHello: TLSError {
        TLSError(.internalFailure, blame: .us, "a client sends the ClientHello and receives none")
    }
}
