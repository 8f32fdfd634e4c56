import AddonProtocol
import AddonSDK
import ArgumentParser

struct AddonsCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "addons",
        abstract: "List the addons in chain order, with their states and events.",
        discussion: """
            In parentheses: why an addon is not ready. EVENTS are the events in force, or, for an addon that has never registered, the events \
            that wait for it. Exit code 1: there are no addons.

            EXAMPLES
              proxyd addons
            """
    )

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        let daemon = try await connect()
        // All but this one.
        let addons = (try await daemon.call(.addonList)["addons"]?.arrayValue ?? [])
            .filter { $0["name"] != daemon.welcome["addon"] }
        show(["addons": .array(addons)]) { _ in addons.isEmpty ? [] : Self.table(addons, Terminal.standard) }
        if addons.isEmpty { throw ToolFailure.nothing("there are no addons") }
    }

    private static func table(_ addons: [JSONValue], _ terminal: Terminal) -> [String] {
        let columns: [Table.Column] = [
            .init(title: "NAME"), .init(title: "STATE"), .init(title: "PID", kind: .right), .init(title: "VERSION"),
            .init(title: "STARTED BY"), .init(title: "IN FLIGHT", kind: .right),
            .init(title: "EVENTS", kind: .flexible),
        ]
        return Table.lines(columns, addons.map(cells), terminal)
    }

    private static func cells(_ addon: JSONValue) -> [Cell] {
        let state = addon.text("state")
        let pid = addon["pid"]?.intValue.map { "\($0)" } ?? ""
        return [
            Cell(addon.text("name"), .bold), Cell(state, state == "ready" ? .green : .yellow), Cell(pid),
            Cell(addon.text("version")), Cell(addon["spawned"] == true ? "proxyd" : "itself"),
            Cell("\(addon["in_flight"]?.intValue ?? 0)"), Cell(events(of: addon)),
        ]
    }

    /// The events that the addon gets, or why it is not there.
    private static func events(of addon: JSONValue) -> String {
        let events = (addon["events"]?.arrayValue ?? []).map(\.text).joined(separator: " ")
        let wish = addon["pid"]?.isNull == false ? "has not answered start and configure" : "has not registered yet"
        let standard =
            switch addon.text("state") {
            case "expected": "has not been started yet"
            case "starting": wish
            default: ""
            }
        let reason = addon["reason"]?.stringValue ?? standard
        return reason.isEmpty ? events : "(\(reason)) \(events)"
    }
}
