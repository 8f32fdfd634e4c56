package import NIOCore

extension TLSHandler {
    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.receive(unwrapInboundIn(data))
        switch state {
        case .handshaking: step(context)
        case .established: decrypt(context)
        case .idle, .awaitingDecision, .closed: break
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        switch state {
        case .established: completeRead(context)
        case .idle, .closed: context.fireChannelReadComplete()
        case .handshaking, .awaitingDecision: break
        }
    }

    package func read(context: ChannelHandlerContext) {
        isReadRequested = true
        switch state {
        case .idle, .closed: context.read()
        case .established where holdsBytes: context.eventLoop.assumeIsolated().execute { self.readHeldBytes() }
        case .established: context.read()
        // The handshake reads by itself, and not at all while it is suspended.
        case .handshaking, .awaitingDecision: break
        }
    }

    /// Delivers the bytes that arrived with the handshake, or else reads from the network.
    func readHeldBytes() {
        guard let context, state == .established, holdsBytes else { return }
        decrypt(context)
        completeRead(context)
    }

    private func decrypt(_ context: ChannelHandlerContext) {
        holdsBytes = false
        guard input == .open else { return }
        var plaintext = context.channel.allocator.buffer(capacity: 0)
        let end = connection.read(into: &plaintext)
        sendCiphertext(context)
        if plaintext.readableBytes > 0 {
            isReadRequested = false
            hasFiredRead = true
            context.fireChannelRead(wrapInboundOut(plaintext))
        }
        switch end {
        case .needsBytes: break
        case .closeNotify: receivedCloseNotify(context)
        case .failed(let error): if state == .established { fail(context, error) }
        }
    }

    private func completeRead(_ context: ChannelHandlerContext) {
        if hasFiredRead {
            hasFiredRead = false
            context.fireChannelReadComplete()
        } else if isReadRequested, state == .established {
            context.read()
        }
    }

    private func receivedCloseNotify(_ context: ChannelHandlerContext) {
        guard state == .established else { return }
        input = .closeNotify
        completeRead(context)
        guard state == .established else { return }
        if (try? context.channel.syncOptions?.getOption(.allowRemoteHalfClosure)) ?? false {
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        } else {
            closeAll(context, nil)
        }
    }

    /// Ends the input, since the network has no more bytes.
    func endInput(_ context: ChannelHandlerContext) {
        readHeldBytes()
        switch state {
        case .handshaking, .awaitingDecision:
            fail(context, connection.closedInHandshake())
        case .established where input == .open:
            input = .truncated
            context.fireUserInboundEventTriggered(TLSEvent.inputTruncated)
        case .idle, .established, .closed:
            break
        }
    }
}
