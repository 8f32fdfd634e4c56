import AddonProtocol
import AddonSDK
import ArgumentParser

struct StatsCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show counters, how long events waited, the load of each addon, and the memory in use.",
        discussion: """
            EXAMPLES
              proxyd stats --json | jq .counters
            """
    )

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        let daemon = try await connect()
        let own = daemon.welcome["addon"]?.stringValue
        show(try await daemon.call(.stats)) { Self.lines($0, without: own, Terminal.standard) }
    }

    private static func lines(_ stats: JSONValue, without own: String?, _ terminal: Terminal) -> [String] {
        let events = sorted(stats["events"]).map { event($0.name, $0.value) }
        let addons = sorted(stats["addons"]).filter { $0.name != own && !isFormerTool($0) }.map {
            addon($0.name, $0.value)
        }
        let counters = sorted(stats["counters"]).map { [Cell($0.name), Cell("\($0.value.intValue ?? 0)")] }
        let memory = (stats["memory"]?.members ?? []).map { [Cell($0.name), Cell(Words.size($0.value.intValue ?? 0))] }
        let tables: [([Table.Column], [[Cell]])] = [
            (titles("EVENT", "COUNT", "MEAN", "P50", "P95", "P99", "LONGEST", "FAILED", "REJECTED"), events),
            (titles("ADDON", "ANSWERED", "WAITING", "IN FLIGHT", "LATE", "STATE"), addons),
            (titles("COUNTER", "VALUE"), counters), (titles("MEMORY", "IN USE"), memory),
        ]
        let parts = tables.filter { !$0.1.isEmpty }.map { Table.lines($0.0, $0.1, terminal) }
        return Array(parts.joined(separator: [""]))
    }

    /// Whether it is one of these commands, and has ended: the daemon remembers every addon that it has had.
    private static func isFormerTool(_ addon: JSONValue.Member) -> Bool {
        addon.name.hasPrefix(ToolOptions.namePrefix) && addon.value["state"] == "left"
    }

    private static func titles(_ names: String...) -> [Table.Column] {
        names.enumerated().map { .init(title: $1, kind: $0 == 0 ? .left : .right) }
    }

    private static func sorted(_ object: JSONValue?) -> [JSONValue.Member] {
        (object?.members ?? []).sorted { $0.name < $1.name }
    }

    private static func event(_ name: String, _ stats: JSONValue) -> [Cell] {
        let count = stats["count"]?.intValue ?? 0
        let mean = (stats["total_us"]?.doubleValue ?? 0) / Double(max(count, 1))
        return [
            Cell(name, .bold), Cell("\(count)"), Cell(Words.duration(microseconds: mean)), time(stats["p50_us"]),
            time(stats["p95_us"]), time(stats["p99_us"]), time(stats["max_us"]), number(stats["failures"], .red),
            number(stats["rejected"], .red),
        ]
    }

    private static func addon(_ name: String, _ stats: JSONValue) -> [Cell] {
        let answered = (stats["events"]?.members ?? []).reduce(0) { $0 + ($1.value["count"]?.intValue ?? 0) }
        return [
            Cell(name, .bold), Cell("\(answered)"), number(stats["waiting"], .yellow), number(stats["in_flight"]),
            number(stats["late_replies"], .red), Cell(stats.text("state")),
        ]
    }

    private static func time(_ value: JSONValue?) -> Cell {
        Cell(value?.doubleValue.map { Words.duration(microseconds: $0) } ?? "")
    }

    /// With the style only if it is not zero.
    private static func number(_ value: JSONValue?, _ style: Style? = nil) -> Cell {
        let number = value?.intValue ?? 0
        return Cell("\(number)", number == 0 ? nil : style)
    }
}
