import ProxyCore

extension ToolOptions {
    /// Whether an addon of this name only observes, as the tools and the inspector do, and changes nothing by itself.
    static func isOnlooker(_ name: String) -> Bool {
        let ownName = name.prefix { $0 != "#" }
        guard ownName != BundledAddon.rulesName else { return false }
        return name.hasPrefix(namePrefix) || ["inspector", "inspector-breakpoint", "inspector-tap"].contains(ownName)
    }
}
