import AddonProtocol

/// What a watching tool says of itself, on stderr.
enum Notice {
    /// How many notifications the daemon has left out because the tool had not read those before.
    static func dropped(_ params: LazyJSON) {
        write("\(params["count"]?.value.intValue ?? 0) more not shown: this terminal was too slow")
    }

    static func write(_ text: String) { Output.write("proxyd: \(text)\n", to: 2) }
}
