import AddonProtocol
import AddonSDK
import ArgumentParser

struct TapCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Watch every frame between the daemon and its addons, until Ctrl-C.",
        discussion: """
            Each line: time, addon, → to or ← from it, event or call, flow, how long the answer took, and what it is about; under \
            a reply, what it changes. When this terminal is too slow it is told how much it has missed.

            EXAMPLES
              proxyd tap --addon add-header --event 'response*'
            """
    )

    @Option(help: ArgumentHelp("Only this addon's frames; may be repeated.", valueName: "name"))
    var addon: [String] = []

    @Option(help: ArgumentHelp("Only this event and its replies, perhaps with *; may be repeated.", valueName: "name"))
    var event: [String] = []

    @Option(help: ArgumentHelp("Only frames about flows that match.", valueName: "filter"))
    var filter: String?

    @Flag(help: "Have bodies, messages and chunks in the frames too.")
    var bodies = false

    @Flag(help: "Print each frame as JSON, with what is known about it (--json does the same).")
    var raw = false

    @OptionGroup var tool: ToolOptions

    var isWatching: Bool { true }

    func work() async throws {
        let (reader, asJSON) = (TapReader(showsBodies: bodies), raw || tool.json)
        let daemon = try await connect { call in
            switch call.method {
            case "tap" where asJSON: Output.line(JSONText.line(call.params.value))
            case "tap": Output.lines(reader.lines(call.params.value, Terminal.standard))
            case "dropped":
                reader.forget()
                Notice.dropped(call.params)
            default: break
            }
            return nil
        }
        _ = try await daemon.call("tap.start", start)
        if !asJSON { Output.line(TapReader.header(Terminal.standard)) }
        await daemon.waitUntilClosed()
        throw DaemonError.connectionLost
    }

    private var start: JSONValue {
        var params: [JSONValue.Member] = [.init("bodies", .bool(bodies))]
        if !addon.isEmpty { params.append(.init("addons", .array(addon.map { .string($0) }))) }
        if !event.isEmpty { params.append(.init("events", .array(event.map { .string($0) }))) }
        if let filter { params.append(.init("filter", .string(filter))) }
        return .object(params)
    }
}
