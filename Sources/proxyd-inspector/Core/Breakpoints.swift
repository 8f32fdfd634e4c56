import AddonProtocol
import AddonSDK
import Synchronization

/// Where flows are held for the user of the page. Each breakpoint has a connection of its own, which subscribes only to what
/// its filter selects. When it ends, the flows that it holds are resumed.
actor Breakpoints {
    private struct Breakpoint {
        let id: String
        let settings: JSONValue
        let hits = BreakpointHits()
        var error: String?
        var daemon: Daemon?

        var json: JSONValue {
            settings.setting("hits", .integer(hits.count)).setting("error", error.map { .string($0) } ?? .null)
        }
    }

    static let limit = 64
    static let events: [Event] = [
        .requestheaders, .request, .responseheaders, .response, .websocketMessage, .tcpMessage,
    ]

    private let link: DaemonLink
    private let pages: LivePages
    private var all: [Breakpoint] = []
    /// The last id given to a breakpoint that came without one.
    private var lastID = 0
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ link: DaemonLink, _ pages: LivePages) {
        self.link = link
        self.pages = pages
    }

    var json: JSONValue { ["breakpoints": .array(all.map(\.json))] }

    /// Replaces the breakpoints; those that are the same stay.
    func set(_ wanted: [JSONValue]) async throws {
        let wanted = try wanted.enumerated().map { number, breakpoint in
            try Self.checked(breakpoint, newID: "\(lastID + 1 + number)")
        }
        lastID += wanted.count
        let ids = wanted.map { $0["id"]?.stringValue ?? "" }
        guard Set(ids).count == ids.count else { throw Failure(400, "breakpoints: each needs an id of its own") }
        await takeTurn()
        defer { endTurn() }
        let old = all
        let stay = old.filter { $0.error == nil && wanted.contains($0.settings) }
        for breakpoint in old where !stay.contains(where: { $0.id == breakpoint.id }) {
            await breakpoint.daemon?.leave()
        }
        all = zip(ids, wanted).map { id, settings in
            stay.first { $0.id == id } ?? Breakpoint(id: id, settings: settings)
        }
        for breakpoint in all where breakpoint.daemon == nil { await connect(breakpoint) }
        pages.tell("breakpoints", json)
    }

    func removeAll() async { try? await set([]) }

    /// Sets the breakpoints again at a daemon that has replaced another.
    func renew() async {
        await takeTurn()
        defer { endTurn() }
        for breakpoint in all where breakpoint.daemon == nil { await connect(breakpoint) }
        if !all.isEmpty { pages.tell("breakpoints", json) }
    }

    /// Serialises changes, since waiting for the daemon lets other calls in.
    private func takeTurn() async {
        guard isBusy else {
            isBusy = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func endTurn() {
        if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
    }

    private func connect(_ breakpoint: Breakpoint) async {
        guard breakpoint.settings["enabled"] != false else { return }
        var (daemon, failure): (Daemon?, String?)
        do {
            let filter = breakpoint.settings["filter"]?.stringValue ?? ""
            let subscriptions = try Self.events(of: breakpoint.settings).map {
                Subscription(event: $0, filter: filter.isEmpty ? "~all" : filter)
            }
            let (hits, isOnce) = (breakpoint.hits, breakpoint.settings["once"] == true)
            daemon = try await link.another("inspector-breakpoint", subscriptions) { [weak self] call in
                if let reason = Self.reasonNotToHold(call) {
                    Task { await self?.fail(breakpoint.id, reason) }
                    return nil
                }
                guard Self.isHeld(at: call.method), hits.add(isOnce: isOnce) else { return nil }
                Task { await self?.tell() }
                return ["action": "hold"]
            }
        } catch {
            failure = Failure(error).description
        }
        guard let index = all.firstIndex(where: { $0.id == breakpoint.id }) else { return }
        (all[index].daemon, all[index].error) = (daemon, failure)
        guard let daemon else { return }
        Task { [weak self] in
            await daemon.waitUntilClosed()
            await self?.lost(daemon)
        }
    }

    private static func isHeld(at method: String) -> Bool { Event(rawValue: method).map(events.contains) == true }

    /// What the daemon reports when it holds no flow for the breakpoint; nil when it asks whether to.
    private static func reasonNotToHold(_ call: IncomingCall) -> String? {
        if call.method == "rejected" {
            return "the daemon refuses to hold a flow: \(call.params["reason"]?.value.stringValue ?? "")"
        }
        guard call.id == nil, isHeld(at: call.method) else { return nil }
        return """
            a flow passed that it could not hold: it lacks the right mutate, which the option attached_rights or grants can give \
            it, or an addon before it has stopped the event
            """
    }

    private func fail(_ id: String, _ reason: String) {
        guard let index = all.firstIndex(where: { $0.id == id }), all[index].error != reason else { return }
        all[index].error = reason
        tell()
    }

    private func lost(_ daemon: Daemon) {
        guard let index = all.firstIndex(where: { $0.daemon === daemon }) else { return }
        (all[index].daemon, all[index].error) = (nil, "the daemon is not there")
        tell()
    }

    private func tell() { pages.tell("breakpoints", json) }

    // MARK: Settings

    /// A breakpoint without an id is new, and gets one.
    private static func checked(_ breakpoint: JSONValue, newID: String) throws -> JSONValue {
        guard breakpoint.members != nil else {
            throw Failure(400, "breakpoints: found a JSON \(breakpoint.typeName); allowed: objects")
        }
        let id = breakpoint["id"] ?? .string(newID)
        guard let text = id.stringValue, !text.isEmpty, text.utf8.count <= 256 else {
            throw Failure(400, "id: allowed are 1 to 256 bytes of text")
        }
        guard breakpoint["filter"] == nil || breakpoint["filter"]?.stringValue != nil else {
            throw Failure(400, "filter: found \(breakpoint["filter"]?.typeName ?? "none"); allowed: a flow filter")
        }
        _ = try events(of: breakpoint)
        _ = try FlowSelection(filter: breakpoint["filter"]?.stringValue, search: nil)
        return breakpoint.setting("id", id)
    }

    private static func events(of breakpoint: JSONValue) throws -> [Event] {
        let names = breakpoint["events"].map { $0.arrayValue ?? [.null] } ?? ["request"]
        let events = names.compactMap { $0.stringValue.flatMap { Event(rawValue: $0) } }.filter(Self.events.contains)
        guard events.count == names.count, !events.isEmpty else {
            throw Failure(400, "events: allowed are \(Self.events.map(\.rawValue).joined(separator: ", "))")
        }
        return events
    }
}

/// Counts the flows that a breakpoint has held.
private final class BreakpointHits: Sendable {
    private let hits = Mutex(0)

    var count: Int { hits.withLock(\.self) }

    /// - Returns: whether to hold this flow too.
    func add(isOnce: Bool) -> Bool {
        hits.withLock { hits in
            if isOnce, hits > 0 { return false }
            hits += 1
            return true
        }
    }
}
