package import AddonProtocol
import AddonSDK

/// The options of a running daemon.
package struct RunningOptions: Sendable {
    private let daemon: Daemon
    /// The elements of the daemon's `options.list`.
    package let options: [JSONValue]

    /// - Parameter isRequired: whether it is an error when no daemon is named and none at the default path admits this user.
    ///   If it is not required, the result is nil.
    package init?(_ tool: ToolOptions, isRequired: Bool) async throws {
        do {
            daemon = try await tool.connect(as: "options")
        } catch  where tool.socket == nil && !isRequired {
            return nil
        }
        options = try await daemon.call(.optionsList)["options"]?.arrayValue ?? []
    }

    /// The current value of an option; nil when there is no such option.
    package func value(of name: String) -> JSONValue? { option(name)?["value"] }

    /// The options that only addons declared.
    package func declaredOnly(_ names: Set<String>) -> [JSONValue] {
        options.filter { !names.contains($0.text("name")) }
    }

    /// Sets an option to the text that a user wrote, read by its type, and returns the names of the options that changed.
    package func set(_ name: String, to text: String) async throws -> [String] {
        let type = option(name)?.text("type") ?? "str"
        return try await daemon.setOptions([name: Self.value(text, type)])
    }

    /// The lines that `proxyd options` prints for an option.
    package static func manualEntry(_ option: JSONValue) -> [String] {
        let (standard, value) = (option["default"] ?? .null, option["value"] ?? .null)
        let choices = (option["choices"]?.arrayValue ?? []).map(\.text)
        var lines = ["\(option.text("name")) (\(option.text("type")), default \(JSONText.line(standard)))"]
        if value != standard { lines.append("    Now \(JSONText.line(value)).") }
        lines.append("    \(option.text("help"))")
        if !choices.isEmpty { lines.append("    One of \(choices.joined(separator: ", ")).") }
        return lines.map { escapedForTerminal($0) } + [""]
    }

    private func option(_ name: String) -> JSONValue? { options.first { $0.text("name") == name } }

    /// Text that is not a value of the type is sent as text, so that the daemon says what is allowed.
    private static func value(_ text: String, _ type: String) -> JSONValue {
        if text.isEmpty, type.hasSuffix("?") { return .null }
        let json = (try? JSONReader.read(Array(text.utf8))) ?? .string(text)
        if type.hasSuffix("[]") {
            if json.arrayValue != nil { return json }
            let words = text.split(separator: ",").map { String($0) }
            return .array(words.map { type == "int[]" ? Int($0).map { .integer($0) } ?? .string($0) : .string($0) })
        }
        return type.hasPrefix("str") ? .string(text) : json
    }
}
