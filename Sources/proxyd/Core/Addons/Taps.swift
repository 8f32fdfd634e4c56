import AddonProtocol
import Synchronization

/// A connection that is shown the frames between the daemon and other addons, for debugging.
struct Tap: Sendable {
    let session: AddonSession
    /// The names of the addons to watch; empty means all.
    let addons: Set<String>
    /// Shows only frames of these events and their replies; empty means all frames.
    let events: Set<Event>
    /// Shows only frames about matching flows.
    private(set) var filter: AddonFilter?
    /// Whether the bytes of bodies and messages are shown.
    let bodies: Bool
    /// The rights of the connection that is shown the frames.
    private(set) var rights: AddonRights

    /// The same tap with other rights; nil when they do not allow it.
    fileprivate func renewed(_ rights: AddonRights) -> Tap? {
        guard rights.allow(.tapStart) else { return nil }
        var tap = self
        tap.rights = rights
        tap.filter?.redaction = rights.redaction
        return tap
    }
}

/// One frame, as taps are shown it.
struct TappedFrame: Sendable {
    /// Who sent a frame.
    enum Sender: String {
        case daemon
        case addon
    }

    let addon: String
    let sender: Sender
    let time: Double
    /// The time from the request to this reply.
    let latencyMicroseconds: Int?
    let event: Event?
    let flow: String?
    var message: JSONValue

    /// - Parameters:
    /// - bodies: whether to show bytes, or null in their place.
    /// - redaction: what else is hidden.
    func members(sequence: Int, bodies: Bool, _ redaction: Redaction?) -> [UInt8] {
        var message = (bodies ? message : message.withoutBytes).withoutKeys(in: self)
        // The content of an unreadable frame is unknown, so it is hidden.
        if let redaction { message = message.members == nil ? .null : redaction.redacted(message) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("seq")
        writer.integer(sequence)
        writer.field("time", time)
        writer.field("addon", addon)
        writer.field("direction", sender.rawValue)
        writer.key("latency_us")
        if let latencyMicroseconds { writer.integer(latencyMicroseconds) } else { writer.null() }
        writer.key("message")
        writer.value(message)
        return writer.bytes
    }
}

/// All taps of the daemon.
final class Taps: Sendable {
    private let flows: FlowTable
    private let addonOptions: AddonOptions
    private let taps = Mutex<[Tap]>([])
    private let count = Atomic(0)
    private let sequence = Atomic(0)

    init(flows: FlowTable, addonOptions: AddonOptions) {
        self.flows = flows
        self.addonOptions = addonOptions
    }

    /// Whether there are any taps.
    var isActive: Bool { count.load(ordering: .relaxed) > 0 }

    /// Starts showing frames to a session, which replaces its earlier tap.
    func start(_ tap: Tap) {
        change { $0 = $0.filter { $0.session !== tap.session } + [tap] }
    }

    /// Stops showing frames to a session.
    func stop(_ session: AddonSession) {
        change { $0.removeAll { $0.session === session } }
    }

    /// Applies the present rights of each session.
    func renew(_ rights: (AddonSession) -> AddonRights) {
        change { taps in taps = taps.compactMap { $0.renewed(rights($0.session)) } }
    }

    private func change(_ body: (inout [Tap]) -> Void) {
        taps.withLock { taps in
            body(&taps)
            count.store(taps.count, ordering: .relaxed)
        }
    }

    /// Shows a frame of `session` to the taps that want it, except to the addon itself.
    func show(_ frame: TappedFrame, of session: AddonSession) {
        let interested = taps.withLock { $0 }.filter { $0.session !== session && $0.wants(frame) }
        guard !interested.isEmpty else { return }
        let number = sequence.wrappingAdd(1, ordering: .relaxed).newValue
        for tap in interested { show(frame, number, to: tap) }
    }

    /// The names of options that are never shown.
    var secretNames: Set<String> {
        let builtIn = OptionCatalogue.builtIn.definitions.filter { $0.secrecy == .secret }.map(\.name)
        return Set(builtIn + addonOptions.secretNames)
    }

    private func show(_ frame: TappedFrame, _ number: Int, to tap: Tap) {
        guard let filter = tap.filter else { return tap.show(frame, number) }
        guard let id = frame.flow else { return }
        tap.session.loop.start {
            let isMatch = try? await self.flows.with(id) { flow, _ in filter.matches(any: flow) }
            if isMatch ?? false { tap.show(frame, number) }
        }
    }
}

extension Tap {
    fileprivate func wants(_ frame: TappedFrame) -> Bool {
        (addons.isEmpty || addons.contains(frame.addon))
            && (events.isEmpty || frame.event.map(events.contains) ?? false)
    }

    fileprivate func show(_ frame: TappedFrame, _ number: Int) {
        let shown = rights.has(.addons) ? frame : frame.withoutCommands
        session.notifyControl("tap", shown.members(sequence: number, bodies: bodies, rights.redaction))
    }
}

extension JSONValue {
    private static let bytesNames: Set = ["content", "data", "data_client", "data_server"]

    /// The frame with null in place of bodies, messages and chunks.
    fileprivate var withoutBytes: JSONValue {
        switch self {
        case .object(let members):
            .object(members.map { .init($0.name, Self.bytesNames.contains($0.name) ? .null : $0.value.withoutBytes) })
        case .array(let elements):
            .array(elements.map(\.withoutBytes))
        default: self
        }
    }
}
