import NIOCore
import NIOHTTP2

/// Limits the frames without content that swift-nio-http2 does not count, or does not count properly: WINDOW_UPDATE,
/// GOAWAY, unknown types, and empty DATA (RFC 9113, section 10.5).
///
/// Traffic earns a peer as many such frames as it may need. Only those beyond count against the limit, so that real
/// traffic is never taken for a flood, however small its windows are.
struct HTTP2FrameBudget {
    private var earned = 0
    private var unearned = 0
    private var countedSince: NIODeadline?
    /// Consecutive DATA frames without data.
    private var emptyData = 0

    /// Earns frames for DATA sent to the peer, which may return the window in small steps.
    mutating func earn(dataOf count: Int) {
        earned += Limits.http2FramesPerData * (1 + count / 4096)
    }

    /// Earns frames for a field block from the peer, which may say more about that stream.
    mutating func earnBlock() {
        earned += Limits.http2FramesPerBlock
        emptyData = 0
    }

    /// Counts a DATA frame from the peer.
    ///
    /// - Parameter isEmpty: whether it has neither data nor END_STREAM.
    mutating func note(dataIsEmpty isEmpty: Bool) throws(HTTP2Breach) {
        emptyData = isEmpty ? emptyData + 1 : 0
        guard emptyData <= Limits.http2EmptyDataFrames else {
            throw HTTP2Breach(.enhanceYourCalm, "a flood of DATA frames without data")
        }
    }

    /// Counts a frame without content.
    mutating func spend(at now: @autoclosure () -> NIODeadline = .now()) throws(HTTP2Breach) {
        guard earned == 0 else {
            earned -= 1
            return
        }
        let now = now()
        if let start = countedSince, now - start <= Limits.http2RateWindow {
            unearned += 1
        } else {
            countedSince = now
            unearned = 1
        }
        guard unearned <= Limits.http2ControlFrames else {
            throw HTTP2Breach(.enhanceYourCalm, "a flood of WINDOW_UPDATE frames, or others that carry nothing")
        }
    }
}
