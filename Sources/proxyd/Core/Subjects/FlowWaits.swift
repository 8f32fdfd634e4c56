import AddonProtocol
import NIOCore

/// How long a flow has waited for addons and been held. Only asking an addon or holding the flow updates it.
struct FlowWaits {
    /// Stored apart from the others, since most flows have one addon and then need no array.
    private var ofFirst: (addon: String, microseconds: Int)?
    /// In the order in which they were first asked.
    private var ofOthers: [(addon: String, microseconds: Int)] = []
    private var heldMicroseconds = 0
    /// When the present hold began; nil when the flow is not held.
    private var heldSince: NIODeadline?
    /// When the last addon that saw the request before it was sent has answered.
    private(set) var requestAnswered: NIODeadline?

    /// Adds the time that an addon took.
    mutating func answered(by addon: String, _ event: Event, since start: NIODeadline) {
        let now = NIODeadline.now()
        if event == .requestheaders || event == .request { requestAnswered = now }
        let microseconds = Int((now - start).nanoseconds / 1000)
        if ofFirst == nil {
            ofFirst = (addon, microseconds)
        } else if ofFirst?.addon == addon {
            ofFirst?.microseconds += microseconds
        } else if let index = ofOthers.firstIndex(where: { $0.addon == addon }) {
            ofOthers[index].microseconds += microseconds
        } else if ofOthers.count < Limits.changersOfFlow - 1 {
            ofOthers.append((addon, microseconds))
        }
    }

    /// Starts to count a hold.
    mutating func isHeld(since start: NIODeadline) { heldSince = start }

    /// Adds the time of a hold that has ended.
    mutating func wasHeld(since start: NIODeadline) {
        heldMicroseconds += Self.microseconds(since: start)
        heldSince = nil
    }

    /// How long the flow has been held so far, in microseconds.
    var held: Int { heldMicroseconds + (heldSince.map(Self.microseconds) ?? 0) }

    private static func microseconds(since start: NIODeadline) -> Int {
        Int((NIODeadline.now() - start).nanoseconds / 1000)
    }

    var addons: JSONValue {
        let all = [ofFirst].compactMap(\.self) + ofOthers
        return .object(all.map { .init($0.addon, .integer($0.microseconds)) })
    }
}
