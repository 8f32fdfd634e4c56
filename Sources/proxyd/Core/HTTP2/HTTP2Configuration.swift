import NIOHTTP2
import ProxyCodecs

/// What the proxy announces to a peer, and the limits beyond which the connection ends with ENHANCE_YOUR_CALM.
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
            // Allows WebSockets on streams (RFC 8441, section 3).
            initialSettings.append(HTTP2Setting(parameter: .enableConnectProtocol, value: 1))
        case .client:
            initialSettings.append(HTTP2Setting(parameter: .enablePush, value: 0))
        }
        // The proxy checks both itself, so that it can report violations as errors of their flows.
        headerBlockValidation = .disabled
        contentLengthValidation = .disabled
        // `HTTP2FrameBudget` counts these. The library's count would start anew at data in between.
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
    /// SETTINGS_MAX_HEADER_LIST_SIZE for the head limits, counting 32 bytes per field, times two: a head that is
    /// slightly too large is a stream error, and one that is far too large ends the connection.
    var headerListBytes: Int { 2 * (bytes + 32 * fields) }
}
