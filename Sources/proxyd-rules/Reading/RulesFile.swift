import Foundation
import ProxyCore
import Yams

/// A rules file: a YAML list.
package enum RulesFile {
    /// Reads the rules of a file.
    ///
    /// - Throws: a `RuleError` with the line and the column of the first fault.
    package static func read(_ path: String) throws(RuleError) -> [Rule] {
        let path = UserPath(path).path
        guard LocalFile.isFile(path) || !LocalFile.exists(path) else {
            throw RuleError(path, "not a regular file; rules are read more than once, so they cannot come from a pipe")
        }
        let bytes: [UInt8]
        do {
            bytes = try readWholeFile(path, limit: RuleSource.sizeLimit)
        } catch {
            throw RuleError(path, "\(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw RuleError(path, "not UTF-8 text") }
        return try rules(text, path: path)
    }

    static func rules(_ text: String, path: String) throws(RuleError) -> [Rule] {
        let absolute = URL(fileURLWithPath: path)
        let source = RuleSource(name: path, folder: absolute.deletingLastPathComponent().path)
        try YAMLOutline.check(text, source)
        let root: Node?
        do {
            root = try compose(yaml: text)
        } catch {
            let fault = YAMLFault(error)
            throw RuleError(source.origin(fault.mark), fault.text)
        }
        guard let root, root.null == nil else { return [] }
        let list = RuleValue(node: root, source: source)
        guard list.isList else { throw list.refused("a list of rules, each of which begins with -") }
        var rules: [Rule] = []
        for entry in try list.list() { rules.append(try RuleReader.rule(entry)) }
        return rules
    }
}
