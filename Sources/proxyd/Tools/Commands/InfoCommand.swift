import AddonProtocol
import AddonSDK
import ArgumentParser
import ProxyCore

struct InfoCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show facts about the daemon: version, listeners, CA, limits.",
        discussion: """
            Sizes and times are rounded. --json shows all numbers as they are, and the certificate of the CA.

            EXAMPLES
              proxyd info --json | jq -r .ca.pem
            """
    )

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        show(try await connect().call(.serverInfo)) { info in
            let rows = Self.facts(info) + Self.limits(info["limits"] ?? .null)
            let width = rows.map(\.0.count).max() ?? 0
            return rows.map { name, value in
                let padding = String(repeating: " ", count: width - name.count)
                return "\(Terminal.standard.styled(name, .cyan))\(padding)  \(escapedForTerminal(value))"
            }
        }
    }

    private static func facts(_ info: JSONValue) -> [(String, String)] {
        let listeners = (info["listeners"]?.arrayValue ?? []).map { listener in
            ("listens at", "\(listener["address"]?.address ?? "")  \(listener.text("mode"))")
        }
        return [
            ("version", "\(info.text("name")) \(info.text("version"))"), ("pid", "\(info["pid"]?.intValue ?? 0)"),
            ("up for", Words.span(seconds: info.seconds("uptime") ?? 0)),
        ] + listeners + [
            ("addon socket", info.text("addon_socket")), ("folder", info.text("confdir")),
            ("CA, SHA-256", fingerprintText(info["ca"]?.text("sha256") ?? "")),
        ]
    }

    /// The limits that hold for an addon.
    private static func limits(_ limits: JSONValue) -> [(String, String)] {
        func number(_ name: String) -> Int { limits[name]?.intValue ?? 0 }
        return [
            ("a frame", "at most \(Words.size(number("frame_bytes"))), nested \(number("depth")) deep"),
            (
                "an addon",
                "at most \(number("in_flight")) events at once, \(number("queue")) waiting, \(number("calls")) calls"
            ),
            ("an event", "at most \(Words.span(seconds: Double(number("timeout_ms")) / 1000))"),
        ]
    }
}
