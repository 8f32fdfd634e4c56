public import AddonSDK

/// Runs an addon without a daemon: its handlers get events that a test makes, and their replies can be examined.
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

    /// - Parameter addon: the addon to try.
    public init(_ addon: some Addon) { table = HandlerTable(addon) }

    /// The events for which the addon has handlers, and to which it subscribes.
    public var events: [Event] { table.events }

    /// Runs the handler of an event about a flow.
    ///
    /// - Returns: the reply that the daemon would get: a patch of the flow, `action`, `stop`; `{}` when nothing changes.
    /// - Throws: what the handler throws; `AddonError` when there is no handler.
    public func reply(to event: Event, flow: JSONValue) async throws -> JSONValue {
        try await reply(to: event, ["flow": flow])
    }

    /// Runs the handler of any event.
    ///
    /// - Parameter params: the event's arguments, as in the protocol.
    public func reply(to event: Event, _ params: JSONValue) async throws -> JSONValue {
        guard let handler = table.handler(of: event.rawValue) else {
            throw AddonError("the addon has no handler of \(event.rawValue); it handles \(table.handled)")
        }
        return try await handler(LazyJSON(params))
    }

    /// Calls one of the addon's commands.
    public func command(_ name: String, _ arguments: JSONValue = [:]) async throws -> JSONValue {
        guard let handler = table.handler(of: "command") else { throw AddonError("the addon is not a CommandHandler") }
        return try await handler(LazyJSON(["name": .string(name), "args": arguments]))
    }
}
