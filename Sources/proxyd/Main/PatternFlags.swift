import ArgumentParser
import ProxyCore
import ProxyRules

/// The flags of mitmproxy's one-line patterns.
struct PatternFlags: ParsableArguments {
    private static func help(_ form: String, _ what: String) -> ArgumentHelp {
        ArgumentHelp("\(what), in mitmproxy's syntax; may be repeated.", valueName: form)
    }

    @Option(help: help("[/filter]/regex/replacement", "Send requests to another URL"))
    var mapRemote: [String] = []

    @Option(help: help("[/filter]/regex/path", "Answer requests with a file or a folder"))
    var mapLocal: [String] = []

    @Option(help: help("[/filter]/name/[@]value", "Set or remove a header field"))
    var modifyHeaders: [String] = []

    @Option(help: help("[/filter]/regex/[@]replacement", "Replace in bodies"))
    var modifyBody: [String] = []

    @Option(help: help("/filter/status", "Block requests"))
    var blockList: [String] = []

    /// Each use of a flag, with the option that it sets.
    var flags: [(option: String, flag: String, value: String)] {
        mapRemote.map { ("map_remote", "--map-remote", $0) } + mapLocal.map { ("map_local", "--map-local", $0) }
            + modifyHeaders.map { ("modify_headers", "--modify-headers", $0) }
            + modifyBody.map { ("modify_body", "--modify-body", $0) }
            + blockList.map { ("block_list", "--block-list", $0) }
    }
}
