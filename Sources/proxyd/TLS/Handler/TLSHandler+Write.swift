package import NIOCore

extension TLSHandler {
    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state != .closed else { return fail(promise, ChannelError.ioOnClosedChannel) }
        guard output == .open else { return fail(promise, ChannelError.outputClosed) }
        pendingWrites.append(unwrapOutboundIn(data), promise)
        if state != .established, pendingWrites.byteCount > Self.earlyWriteLimit {
            let message = "more than \(Self.earlyWriteLimit) bytes were written before the TLS handshake was over"
            fail(context, TLSError(.writeLimit, blame: .us, message))
        }
    }

    package func flush(context: ChannelHandlerContext) {
        pendingWrites.mark()
        switch state {
        case .established: encryptFlushed(context)
        case .closed: context.flush()
        case .idle, .handshaking, .awaitingDecision: break
        }
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .all: closeAll(context, promise)
        case .output: closeOutput(context, promise)
        case .input: promise?.fail(ChannelError.operationUnsupported)
        }
    }

    /// Sends close_notify, and does not wait for the peer's.
    func closeAll(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let wasEstablished = state == .established
        state = .closed
        timeout?.cancel()
        failPromises(Self.closedLocally)
        pendingWrites.fail(ChannelError.ioOnClosedChannel)
        if wasEstablished {
            connection.shutdown()
            sendCiphertext(context)
        }
        context.close(promise: promise)
    }

    private func closeOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        guard state == .established, output == .open else { return fail(promise, ChannelError.operationUnsupported) }
        output = .closed
        pendingWrites.fail(ChannelError.outputClosed)
        connection.shutdown()
        sendCiphertext(context)
        context.close(mode: .output, promise: promise)
    }

    /// Encrypts and writes everything up to the last flush.
    func encryptFlushed(_ context: ChannelHandlerContext) {
        let writes = pendingWrites.takeFlushed()
        guard !writes.isEmpty else { return }
        let promise = PendingWrites.promise(for: writes, on: context.eventLoop)
        do throws(TLSError) {
            for piece in PendingWrites.pieces(of: writes, upTo: TLSConnection.recordLimit) {
                try connection.write(piece)
            }
        } catch {
            promise?.fail(error)
            return fail(context, error)
        }
        context.writeAndFlush(wrapOutboundOut(connection.takeCiphertext() ?? ByteBuffer()), promise: promise)
    }

    /// Writes what OpenSSL sends of its own accord: handshake messages, alerts, key updates.
    func sendCiphertext(_ context: ChannelHandlerContext) {
        guard let ciphertext = connection.takeCiphertext() else { return }
        context.writeAndFlush(wrapOutboundOut(ciphertext), promise: nil)
    }

    private func fail(_ promise: EventLoopPromise<Void>?, _ error: ChannelError) {
        promise?.fail(error)
    }
}
