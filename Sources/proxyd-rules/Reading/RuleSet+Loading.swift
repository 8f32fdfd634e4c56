extension RuleSet {
    /// The rules of a file and of options; the file's come first.
    ///
    /// - Parameter file: the rules file; nil: none.
    package static func load(file: String?, _ options: PatternOptions) throws(RuleError) -> RuleSet {
        let state = file.flatMap(FileState.init)
        let rules = try file.map { path throws(RuleError) in try RulesFile.read(path) } ?? []
        var set = RuleSet(rules + (try options.rules()))
        set.fileState = state
        return set
    }
}
