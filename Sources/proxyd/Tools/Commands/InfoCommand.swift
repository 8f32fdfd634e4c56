import AddonProtocol
import AddonSDK
import ArgumentParser

struct InfoCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show what daemon it is: version, listeners, CA, limits.",
        discussion: """
            EXAMPLES
              proxyd info --json
            """
    )

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        show(try await connect().call("server.info")) { Self.lines($0, at: "") }
    }

    /// A line a value; objects by their paths.
    private static func lines(_ value: JSONValue, at path: String) -> [String] {
        switch value {
        case .object(let members):
            members.flatMap { lines($0.value, at: path.isEmpty ? $0.name : "\(path).\($0.name)") }
        case .array(let elements) where elements.contains { $0.members != nil }:
            elements.enumerated().flatMap { lines($1, at: "\(path)[\($0)]") }
        case .string(let text) where text.contains("\n"):
            [Terminal.standard.styled(escapedForTerminal(path), .cyan) + ":"]
                + BodyText.lines(of: text).map { "  " + $0 }
        case .string(let text):
            ["\(Terminal.standard.styled(escapedForTerminal(path), .cyan)): \(escapedForTerminal(text))"]
        default:
            ["\(Terminal.standard.styled(escapedForTerminal(path), .cyan)): \(value.address ?? JSONText.line(value))"]
        }
    }
}
