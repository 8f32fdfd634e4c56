import AddonSDK
import Synchronization

/// The speed limit of each body; nil: no limit.
struct Throttle: Sendable {
    /// In bytes a second.
    let request: Int?
    let response: Int?

    /// The lowest limit. What arrives at once, up to 256 KiB, must not wait longer than an addon may take.
    static let slowest = 8 << 10

    var stages: Set<Stage> {
        Set([request.map { _ in Stage.requestHead }, response.map { _ in .responseHead }].compactMap(\.self))
    }

    func rate(of stage: Stage) -> Int? { stage.isOfResponse ? response : request }

    /// How long this many bytes take.
    static func time(of bytes: Int, at rate: Int) -> Duration {
        .seconds(min(Double(bytes) / Double(rate), 1_000_000))
    }
}

/// The bodies that are slowed down now.
final class ThrottledBodies: Sendable {
    private struct Body {
        let rate: Int
        var start: ContinuousClock.Instant?
    }

    private struct Key: Hashable {
        let flow: String
        let isResponse: Bool
    }

    private let bodies = Mutex<[Key: Body]>([:])

    func add(_ flow: String, isResponse: Bool, rate: Int) {
        bodies.withLock { $0[Key(flow: flow, isResponse: isResponse)] = Body(rate: rate) }
    }

    /// Forgets a flow that has ended.
    func forget(_ flow: String) {
        bodies.withLock { bodies in
            bodies[Key(flow: flow, isResponse: false)] = nil
            bodies[Key(flow: flow, isResponse: true)] = nil
        }
    }

    /// Waits until the chunk may continue.
    func pass(_ chunk: BodyChunk, isResponse: Bool) async throws -> BodyChunkReply {
        let key = Key(flow: chunk.flow, isResponse: isResponse)
        let due = bodies.withLock { bodies -> ContinuousClock.Instant? in
            guard let body = bodies[key] else { return nil }
            let start = body.start ?? .now
            bodies[key]?.start = start
            if chunk.isEnd { bodies[key] = nil }
            return start + Throttle.time(of: chunk.offset + chunk.data.count, at: body.rate)
        }
        guard let due else { return .passRest }
        try await Task.sleep(until: min(due, .now + Delay.longest), clock: .continuous)
        return .pass
    }

}
