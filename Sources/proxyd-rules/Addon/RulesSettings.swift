import AddonProtocol

/// The daemon's options that name the rules.
struct RulesSettings {
    static let names = ["rules", "map_remote", "map_local", "modify_headers", "modify_body", "block_list"]

    /// nil: none.
    let file: String?
    private(set) var patterns = PatternOptions()

    init(_ options: [String: JSONValue]) {
        func lines(_ name: String) -> [String] { (options[name]?.arrayValue ?? []).compactMap(\.stringValue) }
        file = options["rules"]?.stringValue
        patterns.mapRemote = lines("map_remote")
        patterns.mapLocal = lines("map_local")
        patterns.modifyHeaders = lines("modify_headers")
        patterns.modifyBody = lines("modify_body")
        patterns.blockList = lines("block_list")
    }
}
