import Foundation
import ProxyCore

/// A one-line pattern of mitmproxy: `[/flow-filter]/subject/replacement`, whose first character separates the parts.
struct PatternOption {
    let name: String
    let text: String

    init(_ name: String, _ text: String) {
        self.name = name
        self.text = text
    }

    var origin: String { "option \(name)" }

    func fault(_ reason: String) -> RuleError { RuleError(origin, "\"\(text)\": \(reason)") }

    func split(most: Int) -> [String] {
        guard let separator = text.first else { return [] }
        return text.dropFirst().split(separator: separator, maxSplits: most - 1, omittingEmptySubsequences: false)
            .map(String.init)
    }

    func parts() throws(RuleError) -> (filter: String?, subject: String, replacement: String) {
        let parts = split(most: 3)
        switch parts.count {
        case 2: return (nil, parts[0], parts[1])
        case 3: return (parts[0], parts[1], parts[2])
        default:
            throw fault("it needs 2 or 3 parts: [/flow-filter]/subject/replacement, with any first character for /")
        }
    }

    func condition(_ filter: String?) throws(RuleError) -> Condition? {
        guard let filter else { return nil }
        return try Condition(filter, at: "\(origin): \"\(text)\"")
    }

    func rule(_ filter: String?, _ action: RuleAction) throws(RuleError) -> Rule {
        var rule = Rule(origin: "\(name) \(text)")
        rule.condition = try condition(filter)
        rule.isAskedEachTime = true
        rule.add(action, name)
        return rule
    }

    func substitution(
        _ pattern: PythonPattern,
        _ replacement: Content,
        isOfURL: Bool
    ) throws(RuleError) -> Substitution {
        do throws(ActionFailure) {
            return isOfURL
                ? try Substitution(pattern, replacement, options: [.useUnixLineSeparators])
                : try Substitution(pattern, replacement)
        } catch {
            throw fault(error.description)
        }
    }

    /// A text with Python's escapes, or `@` and the path of a file.
    func content(_ text: String) throws(RuleError) -> Content {
        guard text.hasPrefix("@") else { return .bytes(try unescaped(text)) }
        let path = UserPath(String(text.dropFirst())).path
        guard !path.utf8.contains(0), LocalFile.isFile(path) else { throw fault("there is no file \(path)") }
        return .file(path)
    }

    /// The bytes of a text with the escapes of Python's byte strings; unknown escapes stay as they are.
    func unescaped(_ text: String) throws(RuleError) -> [UInt8] {
        var (bytes, rest) = ([UInt8](), Array(text.utf8)[...])
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard let escaped = rest.popFirst() else { throw fault("there is nothing after the last backslash") }
            switch Unicode.Scalar(escaped) {
            case "\n": break
            case "\\", "'", "\"": bytes.append(escaped)
            case "a", "b", "f", "n", "r", "t", "v": bytes.append(PythonEscape.control(escaped))
            case "x":
                guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2
                else {
                    throw fault("\\x needs two hexadecimal digits")
                }
                bytes.append(value)
                rest = rest.dropFirst(2)
            case "0"..."7":
                let digits = [escaped] + rest.prefix(2).prefix { (0x30...0x37).contains($0) }
                rest = rest.dropFirst(digits.count - 1)
                bytes.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1) - 48 }))
            default: bytes += [byte, escaped]
            }
        }
        return bytes
    }
}
