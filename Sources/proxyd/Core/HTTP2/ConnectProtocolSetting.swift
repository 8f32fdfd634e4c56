import NIOHTTP2

/// A peer's SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, section 3), known once its first settings have arrived.
final class ConnectProtocolSetting: @unchecked Sendable {
    private var value: Bool?
    private var waiting: [UnsafeContinuation<Void, Never>] = []

    /// Waits for the first settings or the end of the connection.
    func isEnabled() async -> Bool {
        if value == nil { await withUnsafeContinuation { waiting.append($0) } }
        return value ?? false
    }

    /// Notes the peer's settings, or the end of the connection if there are none.
    func note(_ settings: HTTP2Settings) {
        let setting = settings.last { $0.parameter == .enableConnectProtocol }
        value = setting.map { $0.value == 1 } ?? value ?? false
        let present = waiting
        waiting = []
        for each in present { each.resume() }
    }
}
