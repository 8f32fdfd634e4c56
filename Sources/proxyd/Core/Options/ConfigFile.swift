import AddonProtocol
import Glibc
import Yams

/// A YAML config file: a single mapping of option names to values.
struct ConfigFile {
    /// One option that the file sets.
    struct Entry: Equatable {
        var name: String
        var value: JSONValue
        /// `FILE:LINE`.
        var origin: String
    }

    /// The largest config file, in bytes.
    static let sizeLimit = 1 << 20

    var entries: [Entry]

    /// Reads the file, which must exist.
    static func read(_ path: String) throws(OptionError) -> ConfigFile {
        do {
            return try ConfigFile(bytes: try readWholeFile(path, limit: sizeLimit), path: path)
        } catch {
            throw (error as? OptionError) ?? OptionError(reason: .other("\(error)"), origin: path)
        }
    }

    /// Reads the file; there are no entries when it does not exist or its folder cannot be searched.
    static func readIfPresent(_ path: String) throws(OptionError) -> ConfigFile {
        access(path, F_OK) == 0 ? try read(path) : ConfigFile(entries: [])
    }

    private init(bytes: [UInt8], path: String) throws(OptionError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw OptionError(reason: .other("not UTF-8 text"), origin: path)
        }
        try self.init(parsing: text, path: path)
    }

    private init(entries: [Entry]) {
        self.entries = entries
    }

    /// - Parameter path: appears in error messages only.
    init(parsing text: String, path: String) throws(OptionError) {
        let root: Node?
        do {
            root = try compose(yaml: text)
        } catch {
            throw OptionError(yamlError: error, path: path)
        }
        entries = try root.map { node throws(OptionError) in try Self.entries(of: node, path: path) } ?? []
    }

    private static func entries(of root: Node, path: String) throws(OptionError) -> [Entry] {
        if root.null != nil { return [] }
        guard let mapping = root.mapping else {
            throw OptionError(reason: .other("expected a mapping of option names to values"), at: root, of: path)
        }
        var reader = YAMLReader(path: path)
        var entries: [Entry] = []
        for (key, value) in mapping {
            let name = try reader.key(key)
            entries.append(Entry(name: name, value: try reader.json(value), origin: reader.origin(of: key)))
        }
        return entries
    }
}
