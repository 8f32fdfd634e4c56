public import AddonSDK

/// An addon without a daemon: its handlers run on events that a test has made, and what they answer is there to look at.
///
/// ```swift
/// @Test func addsAHeader() async throws {
///     let reply = try await AddonTrial(AddHeader()).reply(to: .request, flow: TestFlow.http("https://example.com/"))
///     #expect(reply == ["flow": ["request": ["headers": ["x-proxyd": "hello"]]]])
/// }
/// ```
///
/// Calls into the daemon (`Daemon.current`) fail with `DaemonError.notConnected`.
public struct AddonTrial: Sendable {
    private let table: HandlerTable

    public init(_ addon: some Addon) { table = HandlerTable(addon) }

    /// The events that the addon has handlers of, which it subscribes to.
    public var events: [Event] { table.events }

    /// Runs the handler of an event about a flow.
    ///
    /// - Returns: what the daemon would be answered: a patch of the flow, `action`, `stop`; `{}` when nothing changes.
    /// - Throws: what the handler throws; `AddonError` when there is none.
    public func reply(to event: Event, flow: JSONValue) async throws -> JSONValue {
        try await reply(to: event, ["flow": flow])
    }

    /// Runs the handler of any event.
    ///
    /// - Parameter params: the event's arguments, as the protocol has them.
    public func reply(to event: Event, _ params: JSONValue) async throws -> JSONValue {
        guard let handler = table.handler(of: event.rawValue) else {
            throw AddonError("the addon has no handler of \(event.rawValue); it handles \(table.handled)")
        }
        return try await handler(LazyJSON(params))
    }

    /// Calls a command of the addon's.
    public func command(_ name: String, _ arguments: JSONValue = [:]) async throws -> JSONValue {
        guard let handler = table.handler(of: "command") else { throw AddonError("the addon is no CommandHandler") }
        return try await handler(LazyJSON(["name": .string(name), "args": arguments]))
    }
}
