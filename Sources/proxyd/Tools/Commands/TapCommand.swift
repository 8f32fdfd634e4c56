import AddonProtocol
import AddonSDK
import ArgumentParser

struct TapCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Watch every frame between the daemon and its addons, until Ctrl-C.",
        discussion: """
            Each line: time, addon, → to or ← from it, event or call, flow, how long the answer took, and what it is about; below \
            a reply, its changes. If this terminal is too slow, it is told how many frames it missed. These commands (proxyd-flows, proxyd-hold, …) \
            and the inspector are addons too, and are left out unless --addon names them.

            EXAMPLES
              proxyd tap --addon add-header --event 'response*'
            """
    )

    @Option(help: ArgumentHelp("Only this addon's frames; may be repeated.", valueName: "name"))
    var addon: [String] = []

    @Option(help: ArgumentHelp("Only this event and its replies; may contain *, may be repeated.", valueName: "name"))
    var event: [String] = []

    @Option(help: ArgumentHelp("Only frames about flows that match.", valueName: "filter"))
    var filter: String?

    @Flag(help: "Include bodies, messages and chunks in the frames.")
    var bodies = false

    @Flag(help: "Print each frame as JSON, with its metadata (same as --json).")
    var raw = false

    @OptionGroup var tool: ToolOptions

    var isWatching: Bool { true }

    func work() async throws {
        let (reader, asJSON) = (TapReader(showsBodies: bodies), raw || tool.json)
        let hidesTools = addon.isEmpty
        let daemon = try await connect { call in
            switch call.method {
            case "tap" where hidesTools && Self.isOfTool(call.params): break
            case "tap" where asJSON: Output.line(JSONText.line(call.params.value))
            case "tap": Output.lines(reader.lines(call.params.value, Terminal.standard))
            case "dropped":
                reader.forget()
                Notice.dropped(call.params)
            default: break
            }
            return nil
        }
        _ = try await daemon.call(.tapStart, start)
        if !asJSON { Output.line(TapReader.header(Terminal.standard)) }
        try await noteMissing(daemon)
        await daemon.waitUntilClosed()
        throw DaemonError.connectionLost
    }

    private static func isOfTool(_ frame: LazyJSON) -> Bool {
        frame["addon"]?.value.stringValue.map(ToolOptions.isOnlooker) ?? false
    }

    /// Reports which of the named addons are not there, since the tap would wait for them silently.
    private func noteMissing(_ daemon: Daemon) async throws {
        guard !addon.isEmpty else { return }
        let listed = try await daemon.call(.addonList)["addons"]?.arrayValue ?? []
        let others = listed.map { $0.text("name") }.filter { !ToolOptions.isOnlooker($0) }
        for name in addon where !listed.contains(where: { $0.text("name") == name }) {
            let known = others.isEmpty ? "there are none" : "there are: \(others.joined(separator: ", "))"
            Notice.write(escapedForTerminal("no addon \(name) is there yet, \(known); waiting for it"))
        }
    }

    private var start: JSONValue {
        var params: [JSONValue.Member] = [.init("bodies", .bool(bodies))]
        if !addon.isEmpty { params.append(.init("addons", .array(addon.map { .string($0) }))) }
        if !event.isEmpty { params.append(.init("events", .array(event.map { .string($0) }))) }
        if let filter { params.append(.init("filter", .string(filter))) }
        return .object(params)
    }
}
