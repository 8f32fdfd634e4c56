import NIOHTTP2
import ProxyCodecs

/// What a peer is told, and what it may do before the connection is ended with ENHANCE_YOUR_CALM.
extension NIOHTTP2Handler.ConnectionConfiguration {
    init(_ mode: NIOHTTP2Handler.ParserMode, _ limits: HeadLimits) {
        self.init()
        initialSettings = [
            HTTP2Setting(parameter: .initialWindowSize, value: Limits.http2StreamWindow),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headerListBytes),
        ]
        switch mode {
        case .server:
            initialSettings.append(HTTP2Setting(parameter: .maxConcurrentStreams, value: Limits.http2Streams))
            // WebSockets may begin on a stream (RFC 8441, section 3).
            initialSettings.append(HTTP2Setting(parameter: .enableConnectProtocol, value: 1))
        case .client:
            initialSettings.append(HTTP2Setting(parameter: .enablePush, value: 0))
        }
        // Both are checked where a violation can be told as an error of its flow.
        headerBlockValidation = .disabled
        contentLengthValidation = .disabled
        // Counted by `HTTP2FrameBudget`: here data between them would not make the count begin anew.
        maximumSequentialEmptyDataFrames = .max
        maximumRecentlyResetStreams = Limits.http2ResetStreams
        maximumBufferedControlFrames = Limits.http2BufferedControlFrames
        maximumConnectionGlitches = Limits.http2StreamErrors
        controlFrameRateLimit.maximumCount = Limits.http2ControlFrames
        controlFrameRateLimit.windowLength = Limits.http2RateWindow
    }
}

extension NIOHTTP2Handler.StreamConfiguration {
    static var limited: Self {
        var configuration = Self()
        configuration.streamResetFrameRateLimit.maximumCount = Limits.http2Resets
        configuration.streamResetFrameRateLimit.windowLength = Limits.http2RateWindow
        configuration.streamErrorRateLimit.maximumCount = Limits.http2StreamErrors
        configuration.streamErrorRateLimit.windowLength = Limits.http2RateWindow
        return configuration
    }
}

extension HeadLimits {
    /// The head limits as SETTINGS_MAX_HEADER_LIST_SIZE counts them, 32 bytes a field, and again as much: a head that is
    /// somewhat too large is an error of its stream, one that is far too large ends the connection.
    var headerListBytes: Int { 2 * (bytes + 32 * fields) }
}
