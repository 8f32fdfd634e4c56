import AddonProtocol

/// What a watching tool reports about itself, on stderr.
enum Notice {
    /// Reports how many notifications the daemon dropped because the tool had not read earlier ones.
    static func dropped(_ params: LazyJSON) {
        write("\(params["count"]?.value.intValue ?? 0) more not shown: this terminal was too slow")
    }

    static func write(_ text: String) { Output.write("proxyd: \(text)\n", to: 2) }
}
