import NIOCore
import NIOHTTP2

/// How many frames a peer may still send that carry nothing and that swift-nio-http2 does not count, or not as is due:
/// WINDOW_UPDATE, GOAWAY, those of unknown types, and DATA without data (RFC 9113, section 10.5).
///
/// What goes on earns a peer as many as it can have a use for; only those beyond are counted against the limit, so that
/// traffic is never taken for a flood, however small its windows are.
struct HTTP2FrameBudget {
    private var earned = 0
    private var unearned = 0
    private var countedSince: NIODeadline?
    /// DATA frames in a row without data.
    private var emptyData = 0

    /// A DATA frame is sent to the peer, which may give back what it takes of our window in small pieces.
    mutating func earn(dataOf count: Int) {
        earned += Limits.http2FramesPerData * (1 + count / 4096)
    }

    /// A field block came: the peer may have more to say of that stream.
    mutating func earnBlock() {
        earned += Limits.http2FramesPerBlock
        emptyData = 0
    }

    /// A DATA frame came.
    ///
    /// - Parameter isEmpty: whether it has neither data nor the end of its stream.
    mutating func note(dataIsEmpty isEmpty: Bool) throws(HTTP2Breach) {
        emptyData = isEmpty ? emptyData + 1 : 0
        guard emptyData <= Limits.http2EmptyDataFrames else {
            throw HTTP2Breach(.enhanceYourCalm, "a flood of DATA frames without data")
        }
    }

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
